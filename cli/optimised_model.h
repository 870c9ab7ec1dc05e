// The model that flags name, a folder or a bundle, to be looked into: its module after all passes,
// and what that is compiled to. What follows need not know which of the two it was.
//
//   absl::StatusOr<OptimisedModel> model = OpenOptimised(flags.model, engine::Weights::kOptional);
//   absl::StatusOr<NativeProgram> native = NativeProgramOf(*model);
//   StatementOf(native->program.entry("step").calls[0].site);   // "step.x0", a statement of
//   *model->module
#ifndef LLUDA_CLI_OPTIMISED_MODEL_H_
#define LLUDA_CLI_OPTIMISED_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bundle/reader.h"
#include "cli/flags.h"
#include "cli/pass_history.h"
#include "codegen/cpu_compile.h"
#include "codegen/target.h"
#include "engine/model_files.h"
#include "ir/graph.h"

namespace lluda::cli {

struct OptimisedModel {
  std::string name;  // of the model's folder: "Qwen3-0.6B"
  std::unique_ptr<ir::Module> module;
  PassHistory history;     // of a bundle: no pass was seen
  codegen::Target target;  // what it is compiled for
  engine::ModuleOptions numbers;
  int64_t context = 0;                      // the most tokens a sequence may have
  int64_t max_step = 0;                     // the most tokens computed at a time
  std::string lluda_version, llvm_version;  // that it is compiled with
  std::unique_ptr<bundle::Bundle> bundle;   // null of a folder
};

// `see` as in RunPasses. Errors are those of opening, importing and the passes; InvalidArgument for
// flags that ask a bundle for what it was not compiled for.
absl::StatusOr<OptimisedModel> OpenOptimised(const ModelFlags& flags, engine::Weights weights,
                                             const SeeModule& see = nullptr);

// Kernels with addresses, and what holds their code.
struct NativeProgram {
  runtime::Program program;
  std::unique_ptr<codegen::KernelLibrary> library;  // of a folder: compiled now
  bundle::Code code;                                // of a bundle: as it is in the file
};

// A bundle's has no load list. InvalidArgument if its calls are not those of its module, else as
// codegen::Compile and bundle::Bundle::Prepare.
absl::StatusOr<NativeProgram> NativeProgramOf(const OptimisedModel& model);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_OPTIMISED_MODEL_H_
