// lluda asm: the kernel of a statement, as assembly or LLVM IR, below the statement itself. Of a
// bundle it is the machine code in the file.
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "runtime/program.h"
#include "tools/inspect/kernel_listing.h"
#include "tools/inspect/optimised_model.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {
namespace {

absl::StatusOr<int> PrintStatements(const AsmFlags& flags, const runtime::Program& program) {
  const std::vector<tools::ComputedStatement> statements =
      tools::ComputedStatements(program, flags.entry);
  return Print(flags.json ? tools::ComputedStatementsJson(statements)
                          : tools::ComputedStatementsText(statements));
}

absl::StatusOr<int> PrintListing(const AsmFlags& flags,
                                 const absl::StatusOr<tools::KernelListing>& listing) {
  if (!listing.ok()) return listing.status();
  return Print(flags.json ? tools::KernelListingJson(*listing)
                          : tools::KernelListingText(*listing));
}

absl::StatusOr<int> RunGpuAsm(const AsmFlags& flags, const tools::OptimisedModel& model) {
  if (flags.emit == "llvm") return absl::InvalidArgumentError("asm: a GPU's kernels are PTX");
  if (!flags.entry.empty() && flags.entry != step_interface::kStep) {
    return absl::InvalidArgumentError("asm: of a GPU's kernels those of the step are shown alone");
  }
  ASSIGN_OR_RETURN(const tools::NativeProgram gpu, tools::NativeProgramOf(model));
  if (flags.list) return PrintStatements(flags, gpu.program);
  return PrintListing(flags, tools::ListGpuKernels(model, gpu, flags.op));
}

}  // namespace

absl::StatusOr<int> Run(const AsmFlags& flags) {
  if (flags.op.empty() && !flags.list) {
    return absl::InvalidArgumentError("asm: name a statement with --op, or print all with --list");
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  // What a simulated GPU runs is a GPU's kernels.
  if (options.device == engine::Device::kSimulatedGpu) options.device = engine::Device::kCuda;
  ASSIGN_OR_RETURN(tools::OptimisedModel model,
                   tools::OpenOptimised(options, engine::Weights::kOptional));
  if (!flags.entry.empty()) {
    RETURN_IF_ERROR(tools::CheckEntry(flags.entry, *model.module));
  }
  if (options.device != engine::Device::kCpu) return RunGpuAsm(flags, model);
  // Compiled as for a run, so that kernels have the names that profilers show.
  ASSIGN_OR_RETURN(tools::NativeProgram native, tools::NativeProgramOf(model));
  if (flags.list) return PrintStatements(flags, native.program);
  const auto form =
      flags.emit == "llvm" ? codegen::KernelForm::kLlvm : codegen::KernelForm::kAssembly;
  return PrintListing(flags, tools::ListKernels(model, native, flags.op, form, flags.entry));
}

}  // namespace lluda::cli
