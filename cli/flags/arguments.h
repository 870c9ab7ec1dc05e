// The command line, parsed: which subcommand, and its flags as plain values.
//
//   ParseResult parsed = ParseArguments(argc, argv, VersionText);
//   if (parsed.exit_code) return *parsed.exit_code;   // --help, or bad usage, already reported
//   if (const auto* flags = std::get_if<GenerateFlags>(&parsed.arguments)) ...
#ifndef LLUDA_CLI_FLAGS_ARGUMENTS_H_
#define LLUDA_CLI_FLAGS_ARGUMENTS_H_

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "cli/flags/flags.h"  // IWYU pragma: export

namespace lluda::cli {

// The flags of the subcommand that was given.
using Arguments = std::variant<GenerateFlags, ChatFlags, ServeFlags, TokenizeFlags, EmbedFlags,
                               RerankFlags, TranscribeFlags, IrFlags, AsmFlags, ExplainFlags,
                               ReportFlags, VerifyFlags, ValidateFlags, EvalFlags, ImatrixFlags,
                               BenchFlags, CompileFlags, InspectFlags, CacheFlags>;

struct ParseResult {
  Arguments arguments;
  // Set when there is nothing to run: help or the version was printed to stdout (0), or the usage
  // was wrong and one line on stderr says how (2).
  std::optional<int> exit_code;
};

// What --version prints, without the newline at its end.
using Version = std::function<std::string()>;

ParseResult ParseArguments(int argc, char** argv, const Version& version);

struct RunParseResult {
  GenerateFlags flags;         // its model is a bundle
  TranscribeFlags transcribe;  // of the same bundle; without files there is a text to continue
  std::optional<int> exit_code;
};

// The same for lluda-run.
RunParseResult ParseRunArguments(int argc, char** argv, const Version& version);

struct ServeParseResult {
  ServeFlags flags;  // its model is a bundle
  std::optional<int> exit_code;
};

// The same for lluda-serve.
ServeParseResult ParseServeArguments(int argc, char** argv, const Version& version);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_ARGUMENTS_H_
