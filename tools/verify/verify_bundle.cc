#include "tools/verify/verify_bundle.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "runtime/cuda/cuda_device.h"
#include "tools/verify/bundle_weights.h"
#include "tools/verify/verify_kernels.h"

namespace lluda::tools {

VerifyRun BundleRun(const OptimisedModel& model, const NativeProgram& native) {
  // Shared by the two functions that read from it.
  const auto weights = std::make_shared<const BundleWeights>(*model.module, native.program,
                                                             model.bundle()->weights());
  VerifyRun run;
  run.weights = [weights](const ir::Global& global, int64_t index) {
    return weights->Read(global, index);
  };
  run.loaded = run.weights;
  return run;
}

absl::StatusOr<BundleVerdict> VerifyBundle(OptimisedModel* model, int64_t layers, int64_t tokens,
                                           const std::string& entry) {
  ASSIGN_OR_RETURN(NativeProgram native, NativeProgramOf(*model));
  VerifyRun run = BundleRun(*model, native);
  if (entry == step_interface::kStep) {
    const ir::Func* step = model->module->FindFunc(step_interface::kStep);
    if (step == nullptr || step->result_type.axes.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(model->bundle()->path(), ": its module has no @step that returns logits"));
    }
    run.steps = StepTokens(tokens, step->result_type.axes.back().extent.value);
  } else {
    RETURN_IF_ERROR(RunEntry(*model->module, entry, tokens, &run));
  }
  KeepRounds(layers, model->module.get());
  KernelMemory memory;
  memory.loaded = model->bundle()->weights().data();
  std::optional<Finding> finding;
  if (model->bundle()->is_for_gpu()) {
    ASSIGN_OR_RETURN(std::shared_ptr<const runtime::CudaGpu> gpu,
                     runtime::CudaGpu::Open(runtime::kCudaDriverLibrary));
    runtime::ThreadPool pool(1);
    runtime::GpuKernels kernels;
    for (const auto& [name, ptx] : native.ptx) kernels[name].ptx = ptx;
    runtime::CudaDevice device(gpu, std::move(kernels), &pool);
    ASSIGN_OR_RETURN(finding, VerifyKernels(*model->module, native.program, &device, memory, run));
  } else {
    ASSIGN_OR_RETURN(finding,
                     VerifyKernels(*model->module, native.program, model->target, memory, run));
  }
  return BundleVerdict{std::move(finding), static_cast<int64_t>(native.program.kernels.size())};
}

}  // namespace lluda::tools
