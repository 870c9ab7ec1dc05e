// What a program with a wrong command line says, and with --help.
//
//   if (const std::optional<int> exit_code = Parse(&app, argc, argv)) return *exit_code;
//
// A mistyped command or flag gets the nearest one: "unknown command 'genrate'; did you mean
// 'generate'?". The parser library reports by throwing; nothing leaves Parse that way.
#ifndef LLUDA_CLI_FLAGS_PARSE_H_
#define LLUDA_CLI_FLAGS_PARSE_H_

#include <optional>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace lluda::cli {

// The exit code if there is nothing to run: 0 after --help, 2 after one line on stderr.
std::optional<int> Parse(CLI::App* app, int argc, char** argv);

// Says what is wrong, in one line on stderr. The exit code.
int ExitOf(const CLI::App& app, const CLI::Error& error);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_PARSE_H_
