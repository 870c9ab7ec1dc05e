// What Model::Load asks for where a GPU is to run the model: the GPU, its kernels, and room on it.
//
//   ASSIGN_OR_RETURN(GpuModel gpu, GpuModel::Open(Device::kCuda, "host"));   // says why there is none
//   ASSIGN_OR_RETURN(codegen::CompiledModule compiled, gpu.Compile(*module, target, 2, cache));
//   RETURN_IF_ERROR(gpu.CheckMemory(name, compiled.program, context));
//   Executable::Create(std::move(compiled.program), gpu.MakeDevice(pool));
#ifndef LLUDA_ENGINE_GPU_MODEL_H_
#define LLUDA_ENGINE_GPU_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/files/file_cache.h"
#include "bundle/gpu_part.h"
#include "codegen/compile.h"
#include "codegen/llvm/target.h"
#include "codegen/nvptx/ptx.h"
#include "engine/device.h"
#include "ir/graph.h"
#include "runtime/cuda/cuda_gpu.h"
#include "runtime/cuda/gpu_kernels.h"
#include "runtime/device.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

// The CPU whose instructions are used beside the device: of --isa, which names a GPU's row for a GPU.
absl::StatusOr<codegen::Target> CpuTargetOf(Device device, absl::string_view isa);

class GpuModel {
 public:
  // `device` is not the CPU. One line says why there is no GPU to be used: no driver, a driver or a
  // GPU that is too old. `isa`: "host", or an older row of gpus.def, which the GPU must run.
  static absl::StatusOr<GpuModel> Open(Device device, absl::string_view isa);
  // To compile for a GPU that need not be here, if `isa` names its row. Nothing can be run.
  static absl::StatusOr<GpuModel> ForFile(absl::string_view isa);

  // "sm_90a", or "gpu-sim".
  std::string name() const { return row_ != nullptr ? row_->name : "gpu-sim"; }

  // The module's step, after its passes: PTX by LLVM, and of that machine code by the driver; what
  // earlier runs made is taken from the cache. `target` is this CPU. InvalidArgument for weights in
  // blocks, which a GPU's kernels do not read.
  absl::StatusOr<codegen::CompiledModule> Compile(const ir::Module& module,
                                                  const codegen::Target& target, int threads,
                                                  const base::CodeCache* cache);

  // As CheckGpuMemory; OK in simulation, where it is the CPU's memory.
  absl::Status CheckMemory(absl::string_view model, const runtime::Program& program,
                           int64_t context) const;

  // Once, after Compile. The pool must outlive the device.
  std::unique_ptr<runtime::Device> MakeDevice(runtime::ThreadPool* pool);
  // In place of that: the kernels, for a file. Not in simulation.
  bundle::GpuPart TakePart();

 private:
  std::shared_ptr<const runtime::CudaGpu> gpu_;  // null in simulation, and where none is needed
  const codegen::Gpu* row_ = nullptr;            // null in simulation
  runtime::GpuKernels kernels_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GPU_MODEL_H_
