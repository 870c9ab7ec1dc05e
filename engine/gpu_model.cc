#include "engine/gpu_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/nvptx/gpu_backend.h"
#include "ir/type/encoding.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/gpu/simulated_gpu.h"
#include "runtime/machine/memory_limit.h"
#include "runtime/memory_need.h"
#include "runtime/session/session.h"

namespace lluda::engine {
namespace {

absl::Status CheckWeights(const ir::Module& module) {
  for (const auto& global : module.globals()) {
    if (!ir::IsBlock(global->type.dtype)) continue;
    return absl::InvalidArgumentError(absl::StrCat("a GPU runs no quantised weights yet, and @",
                                                   global->name, " is ",
                                                   ir::DTypeName(global->type.dtype)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GpuModel> GpuModel::Open(Device device) {
  GpuModel model;
  if (device == Device::kSimulatedGpu) return model;
  ASSIGN_OR_RETURN(model.gpu_, runtime::CudaGpu::Open(runtime::kCudaDriverLibrary));
  const runtime::CudaGpu& gpu = *model.gpu_;
  model.row_ = codegen::FindGpu(gpu.major(), gpu.minor());
  if (model.row_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the GPU is too old: ", gpu.name(), " has compute capability ", gpu.major(),
                     ".", gpu.minor(), ", kernels are for 8.0 and later"));
  }
  if (gpu.driver().version() < model.row_->driver) {
    return absl::FailedPreconditionError(
        absl::StrCat("the NVIDIA driver is too old: it is for CUDA ", gpu.driver().version() / 1000,
                     ".", gpu.driver().version() % 1000 / 10, ", code for ", model.row_->name,
                     " needs ", model.row_->driver / 1000, ".", model.row_->driver % 1000 / 10));
  }
  return model;
}

absl::StatusOr<codegen::CompiledModule> GpuModel::Compile(const ir::Module& module,
                                                          const codegen::Target& target,
                                                          int threads,
                                                          const base::CodeCache* cache) {
  RETURN_IF_ERROR(CheckWeights(module));
  codegen::GpuBackend backend(row_, target, codegen::SymbolNames(module), {threads});
  ASSIGN_OR_RETURN(codegen::CompiledModule compiled,
                   codegen::Compile(module, &backend, {step_interface::kStep}, cache));
  ptx_ = backend.ptx();
  return compiled;
}

absl::Status GpuModel::CheckMemory(absl::string_view model, const runtime::Program& program,
                                   int64_t context) const {
  if (gpu_ == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims,
                   runtime::StateDims(program, {/*slots=*/1, context}));
  int64_t need = runtime::MemoryNeedOf(program, /*threads=*/2, dims).total();
  int64_t packed = 0;  // the largest weight that is there only while it is packed
  for (const runtime::Weight& weight : program.weights) {
    if (weight.read_by_entries) need += weight.bytes;
    if (!weight.read_by_entries) packed = std::max(packed, weight.bytes);
  }
  need += packed;
  ASSIGN_OR_RETURN(const int64_t free, gpu_->FreeBytes());
  if (need <= free) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(model, ": needs ", runtime::Megabytes(need),
                                                   " on the GPU, ", gpu_->name(), ", which has ",
                                                   runtime::Megabytes(free), " left"));
}

std::unique_ptr<runtime::Device> GpuModel::MakeDevice(runtime::ThreadPool* pool) {
  if (gpu_ == nullptr) return std::make_unique<runtime::SimulatedGpu>(pool);
  return std::make_unique<runtime::CudaDevice>(gpu_, std::move(ptx_));
}

}  // namespace lluda::engine
