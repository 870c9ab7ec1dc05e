// lluda asm: the kernel of a statement, as assembly or LLVM IR, below the statement itself. Of a
// bundle it is the machine code in the file.
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/inspect/kernel_listing.h"
#include "tools/inspect/optimised_model.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {

absl::StatusOr<int> RunAsm(const AsmFlags& flags) {
  if (flags.op.empty() && !flags.list) {
    return absl::InvalidArgumentError("asm: name a statement with --op, or print all with --list");
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(tools::OptimisedModel model,
                   tools::OpenOptimised(options, engine::Weights::kOptional));
  if (!flags.entry.empty()) {
    RETURN_IF_ERROR(tools::CheckEntry(flags.entry, *model.module));
  }
  // Compiled as for a run, so that kernels have the names that profilers show.
  ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(model));
  if (flags.list) {
    const std::vector<tools::ComputedStatement> statements =
        tools::ComputedStatements(native.program, flags.entry);
    return Print(flags.json ? tools::ComputedStatementsJson(statements)
                            : tools::ComputedStatementsText(statements));
  }
  const auto form =
      flags.emit == "llvm" ? codegen::KernelForm::kLlvm : codegen::KernelForm::kAssembly;
  ASSIGN_OR_RETURN(tools::KernelListing listing,
                   tools::ListKernels(model, native, flags.op, form, flags.entry));
  return Print(flags.json ? tools::KernelListingJson(listing) : tools::KernelListingText(listing));
}

}  // namespace lluda::cli
