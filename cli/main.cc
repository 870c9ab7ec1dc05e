// lluda: from a checkpoint to text. `lluda --help` lists the subcommands.
//
// Only results go to stdout; progress, statistics and errors go to stderr. Exit codes: 0 done,
// 1 failed, 2 wrong usage or bad input, 130 stopped by Ctrl-C, 141 the reader of stdout has gone.
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/commands/commands.h"
#include "cli/flags/arguments.h"
#include "cli/flags/version.h"
#include "cli/terminal/exit_code.h"
#include "cli/terminal/process.h"
#include "codegen/llvm/llvm_errors.h"

namespace lluda::cli {
namespace {

absl::StatusOr<int> Run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::kGenerate:
      return RunGenerate(arguments.generate);
    case Command::kChat:
      return RunChat(arguments.chat);
    case Command::kServe:
      return RunServe(arguments.serve);
    case Command::kTokenize:
      return RunTokenize(arguments.tokenize);
    case Command::kEmbed:
      return RunEmbed(arguments.embed);
    case Command::kRerank:
      return RunRerank(arguments.rerank);
    case Command::kTranscribe:
      return RunTranscribe(arguments.transcribe);
    case Command::kIr:
      return RunIr(arguments.ir);
    case Command::kAsm:
      return RunAsm(arguments.assembly);
    case Command::kExplain:
      return RunExplain(arguments.explain);
    case Command::kReport:
      return RunReport(arguments.report);
    case Command::kVerify:
      return RunVerify(arguments.verify);
    case Command::kValidate:
      return RunValidate(arguments.validate);
    case Command::kEval:
      return RunEval(arguments.eval);
    case Command::kCompile:
      return RunCompile(arguments.compile);
    case Command::kInspect:
      return RunInspect(arguments.inspect);
    case Command::kCache:
      return RunCache(arguments.cache);
    case Command::kBench:
      return RunBench(arguments.bench);
  }
  return absl::InternalError("no such command");
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  lluda::codegen::SetLlvmErrorHandler(&lluda::cli::Die);
  return lluda::cli::RunProcess([&] {
    const lluda::cli::ParseResult parsed =
        lluda::cli::ParseArguments(argc, argv, lluda::cli::VersionText);
    if (parsed.exit_code) return *parsed.exit_code;
    const absl::StatusOr<int> code = lluda::cli::Run(parsed.arguments);
    return lluda::cli::ExitCodeOf("lluda", code);
  });
}
