// lluda asm: the kernel of a statement, as assembly or LLVM IR, below the statement itself. Of a
// bundle it is the machine code in the file.
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/compile.h"
#include "codegen/nvptx/gpu_backend.h"
#include "tools/inspect/kernel_listing.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/statement_name.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {
namespace {

// PTX for the newest GPU that there is code for: none has to be here.
absl::StatusOr<int> RunGpuAsm(const AsmFlags& flags, const tools::OptimisedModel& model) {
  if (flags.emit == "llvm") return absl::InvalidArgumentError("asm: a GPU's kernels are PTX");
  if (!flags.entry.empty() && flags.entry != step_interface::kStep) {
    return absl::InvalidArgumentError("asm: of a GPU's kernels those of the step are shown alone");
  }
  codegen::GpuBackend backend(&codegen::AllGpus().back(), model.target,
                              codegen::SymbolNames(*model.module));
  ASSIGN_OR_RETURN(const codegen::CompiledModule compiled,
                   codegen::Compile(*model.module, &backend, {step_interface::kStep}, nullptr));
  const runtime::Program& program = compiled.program;
  const std::vector<tools::ComputedStatement> statements = tools::ComputedStatements(program);
  if (flags.list) {
    return Print(flags.json ? tools::ComputedStatementsJson(statements)
                            : tools::ComputedStatementsText(statements));
  }
  const std::string wanted = tools::StatementNamed(flags.op);
  std::set<std::string> kernels;
  for (const tools::ComputedStatement& statement : statements) {
    for (const std::string& kernel : statement.kernels) {
      if (wanted == statement.name || wanted == kernel) kernels.insert(kernel);
    }
  }
  std::string text;
  for (const runtime::Kernel& kernel : program.kernels) {
    if (kernels.count(kernel.name) == 0) continue;
    text += backend.ptx().at(kernel.name);
    if (kernel.many_symbol >= 0) text += backend.ptx().at(program.kernels[kernel.many].name);
  }
  if (text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("asm: no kernel of a GPU computes ", flags.op, "; --list tells which do"));
  }
  return Print(text);
}

}  // namespace

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
  if (options.device != engine::Device::kCpu) return RunGpuAsm(flags, model);
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
