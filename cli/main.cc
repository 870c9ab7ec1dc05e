// lluda: from a checkpoint to text. `lluda --help` lists the subcommands.
//
// Only results go to stdout; progress, statistics and errors go to stderr. Exit codes: 0 done,
// 1 failed, 2 wrong usage or bad input, 130 stopped by Ctrl-C, 141 the reader of stdout has gone.
#include <variant>

#include "absl/status/statusor.h"
#include "cli/commands/commands.h"
#include "cli/flags/arguments.h"
#include "cli/flags/version.h"
#include "cli/terminal/exit_code.h"
#include "codegen/llvm/llvm_errors.h"
#include "runtime/machine/process.h"

int main(int argc, char** argv) {
  lluda::codegen::SetLlvmErrorHandler(&lluda::runtime::Die);
  return lluda::runtime::RunProcess([&] {
    const lluda::cli::ParseResult parsed =
        lluda::cli::ParseArguments(argc, argv, lluda::cli::VersionText);
    if (parsed.exit_code) return *parsed.exit_code;
    const absl::StatusOr<int> code =
        std::visit([](const auto& flags) { return lluda::cli::Run(flags); }, parsed.arguments);
    return lluda::cli::ExitCodeOf("lluda", code);
  });
}
