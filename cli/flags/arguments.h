// The command line, parsed: which subcommand, and its flags as plain values.
//
//   ParseResult parsed = ParseArguments(argc, argv, VersionText);
//   if (parsed.exit_code) return *parsed.exit_code;   // --help, or bad usage, already reported
//   if (parsed.arguments.command == Command::kGenerate) RunGenerate(parsed.arguments.generate);
//
// A mistyped command or flag gets the nearest one: "unknown command 'genrate'; did you mean
// 'generate'?". The parser library reports by throwing; nothing leaves ParseArguments that way.
#ifndef LLUDA_CLI_FLAGS_ARGUMENTS_H_
#define LLUDA_CLI_FLAGS_ARGUMENTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/flags/flags.h"  // IWYU pragma: export

namespace lluda::cli {

enum class Command : uint8_t {
  kGenerate,
  kChat,
  kServe,
  kTokenize,
  kEmbed,
  kRerank,
  kTranscribe,
  kIr,
  kAsm,
  kExplain,
  kReport,
  kVerify,
  kValidate,
  kEval,
  kBench,
  kCompile,
  kInspect,
  kCache,
};

struct Arguments {
  Command command = Command::kGenerate;
  GenerateFlags generate;
  ChatFlags chat;
  ServeFlags serve;
  TokenizeFlags tokenize;
  EmbedFlags embed;
  RerankFlags rerank;
  TranscribeFlags transcribe;
  IrFlags ir;
  AsmFlags assembly;
  ExplainFlags explain;
  ReportFlags report;
  VerifyFlags verify;
  ValidateFlags validate;
  EvalFlags eval;
  CompileFlags compile;
  InspectFlags inspect;
  CacheFlags cache;
  BenchFlags bench;
};

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

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_ARGUMENTS_H_
