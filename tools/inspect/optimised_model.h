// A model to be looked into, whatever it was opened from: its module after all passes, and what
// that is compiled to.
//
//   absl::StatusOr<OptimisedModel> model = OpenOptimised(options, engine::Weights::kOptional);
//   absl::StatusOr<NativeProgram> native = NativeProgramOf(*model);
//   StatementOf(native->program.entry("step").calls[0].site);  // "step.x0", of *model->module
//   options.optimised = &*model;                               // to run it: the passes ran once
#ifndef LLUDA_TOOLS_INSPECT_OPTIMISED_MODEL_H_
#define LLUDA_TOOLS_INSPECT_OPTIMISED_MODEL_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bundle/reader.h"
#include "codegen/cpu/cpu_compile.h"
#include "codegen/cpu/machine_limits.h"
#include "codegen/llvm/target.h"
#include "codegen/nvptx/ptx.h"
#include "engine/model.h"
#include "engine/open_module.h"
#include "ir/graph.h"
#include "tools/inspect/pass_history.h"

namespace lluda::tools {

// How whoever looks into a model has it loaded: with its own cache of code, and its own progress
// line.
using ModelLoader = std::function<absl::StatusOr<std::unique_ptr<engine::Model>>(
    const engine::LoadOptions& options)>;

struct OptimisedModel : engine::OpenedModule {
  std::shared_ptr<engine::ModelSource> source;
  PassHistory history;     // of a model that was compiled before: no pass was seen
  codegen::Target target;  // what it is compiled for, or the CPU beside the GPU
  engine::Device device = engine::Device::kCpu;
  const codegen::Gpu* gpu = nullptr;  // of kCuda: the row that it is compiled for
  engine::ModuleOptions numbers;
  std::string lluda_version, llvm_version;  // that it is compiled with

  const bundle::Bundle* bundle() const { return source->bundle(); }
};

// Opens the module of options.source and runs the passes; `see` as in RunPasses. Errors are those
// of opening, importing and the passes; InvalidArgument for options that ask a model that is
// compiled already for what it was not compiled for.
absl::StatusOr<OptimisedModel> OpenOptimised(const engine::LoadOptions& options,
                                             engine::Weights weights,
                                             const SeeModule& see = nullptr);

// Kernels, with addresses where this process can call them, and what holds their code.
struct NativeProgram {
  runtime::Program program;
  std::unique_ptr<codegen::KernelLibrary> library;  // of a folder: compiled now
  bundle::Code code;                                // of a bundle: as it is in the file
  std::map<std::string, std::string> ptx;           // of kCuda, by the kernels' names
};

// A bundle's has no load list. InvalidArgument if its calls are not those of its module, else as
// codegen::Compile and bundle::Bundle::Prepare.
absl::StatusOr<NativeProgram> NativeProgramOf(const OptimisedModel& model);

// What bounds products of these dtypes on the device; `target` is a CPU's.
codegen::Limit ArithmeticLimit(const codegen::Target& target, engine::Device device, ir::DType a,
                               ir::DType b);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_OPTIMISED_MODEL_H_
