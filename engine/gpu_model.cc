#include "engine/gpu_model.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/nvptx/gpu_backend.h"
#include "engine/gpu_memory.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/cuda/machine_code.h"
#include "runtime/gpu/simulated_gpu.h"

namespace lluda::engine {
namespace {

constexpr char kHost[] = "host";

runtime::GpuTarget TargetOf(const codegen::Gpu& row) {
  return {row.name, row.major, row.minor, row.own, row.driver};
}

}  // namespace

absl::StatusOr<codegen::Target> CpuTargetOf(Device device, absl::string_view isa) {
  return device == Device::kCuda ? codegen::Target::Host() : codegen::Target::Named(isa);
}

absl::StatusOr<GpuModel> GpuModel::Open(Device device, absl::string_view isa) {
  GpuModel model;
  if (device == Device::kSimulatedGpu) return model;
  if (isa != kHost) {
    ASSIGN_OR_RETURN(model.row_, codegen::FindGpu(isa));
  }
  ASSIGN_OR_RETURN(model.gpu_, runtime::CudaGpu::Open(runtime::kCudaDriverLibrary));
  const runtime::CudaGpu& gpu = *model.gpu_;
  if (isa == kHost) model.row_ = codegen::FindGpu(gpu.major(), gpu.minor());
  if (model.row_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the GPU is too old: ", gpu.name(), " has compute capability ", gpu.major(),
                     ".", gpu.minor(), ", kernels are for 8.0 and later"));
  }
  RETURN_IF_ERROR(gpu.CheckRuns(TargetOf(*model.row_)));
  return model;
}

absl::StatusOr<GpuModel> GpuModel::ForFile(absl::string_view isa) {
  absl::StatusOr<GpuModel> here = Open(Device::kCuda, isa);
  if (here.ok()) return here;
  if (isa == kHost) {
    return absl::Status(here.status().code(),
                        absl::StrCat(here.status().message(),
                                     "; --isa sm_90a, say, compiles for a GPU that is not here"));
  }
  GpuModel model;
  ASSIGN_OR_RETURN(model.row_, codegen::FindGpu(isa));
  return model;
}

absl::StatusOr<codegen::CompiledModule> GpuModel::Compile(const ir::Module& module,
                                                          const codegen::Target& target,
                                                          int threads,
                                                          const base::CodeCache* cache) {
  codegen::GpuBackend backend(row_, target, codegen::SymbolNames(module), {threads});
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                   codegen::Compile(module, &backend, {step_interface::kStep}, cache));
  for (const auto& [name, ptx] : backend.ptx()) kernels_[name].ptx = ptx;
  if (gpu_ == nullptr) return compiled;
  runtime::ThreadPool pool(threads);
  // A kernel that the cache has is one that neither compiler has to see.
  compiled.cached_kernels =
      std::min(compiled.cached_kernels, runtime::MakeMachineCode(*gpu_, cache, &pool, &kernels_));
  return compiled;
}

absl::Status GpuModel::CheckMemory(absl::string_view model, const runtime::Program& program,
                                   int64_t context) const {
  if (gpu_ == nullptr) return absl::OkStatus();
  return CheckGpuMemory(*gpu_, model, program, context);
}

bundle::GpuPart GpuModel::TakePart() {
  bundle::GpuPart part{TargetOf(*row_), std::move(kernels_)};
  if (gpu_ == nullptr) return part;
  part.major = gpu_->major();
  part.minor = gpu_->minor();
  part.driver = gpu_->driver().version();
  return part;
}

std::unique_ptr<runtime::Device> GpuModel::MakeDevice(runtime::ThreadPool* pool) {
  if (gpu_ == nullptr) return std::make_unique<runtime::SimulatedGpu>(pool);
  return std::make_unique<runtime::CudaDevice>(gpu_, std::move(kernels_), pool);
}

}  // namespace lluda::engine
