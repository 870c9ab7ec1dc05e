#include "runtime/cuda/cuda_gpu.h"

#include <array>

#include "base/status_macros.h"

namespace lluda::runtime {
namespace {

// Of enum CUdevice_attribute.
constexpr int kComputeCapabilityMajor = 75;
constexpr int kComputeCapabilityMinor = 76;

}  // namespace

absl::StatusOr<std::shared_ptr<const CudaGpu>> CudaGpu::Open(const std::string& library) {
  ASSIGN_OR_RETURN(std::shared_ptr<const CudaDriver> driver, CudaDriver::Load(library));
  std::shared_ptr<CudaGpu> gpu(new CudaGpu(driver));
  int count = 0;
  RETURN_IF_ERROR(driver->Check(driver->DeviceGetCount(&count), "counting GPUs"));
  if (count == 0) return absl::NotFoundError("the NVIDIA driver offers no GPU");
  RETURN_IF_ERROR(driver->Check(driver->DeviceGet(&gpu->id_, 0), "finding the GPU"));
  std::array<char, 256> name = {};
  RETURN_IF_ERROR(
      driver->Check(driver->DeviceGetName(name.data(), static_cast<int>(name.size()) - 1, gpu->id_),
                    "asking the GPU's name"));
  gpu->name_ = name.data();
  const std::pair<int, int*> attributes[] = {{kComputeCapabilityMajor, &gpu->major_},
                                             {kComputeCapabilityMinor, &gpu->minor_}};
  for (const auto& [attribute, value] : attributes) {
    RETURN_IF_ERROR(driver->Check(driver->DeviceGetAttribute(value, attribute, gpu->id_),
                                  "asking what the GPU can do"));
  }
  RETURN_IF_ERROR(
      driver->Check(driver->PrimaryCtxRetain(&gpu->context_, gpu->id_), "starting the GPU"));
  RETURN_IF_ERROR(gpu->Use());
  return gpu;
}

CudaGpu::~CudaGpu() {
  if (context_ != nullptr) driver_->PrimaryCtxRelease(id_);
}

absl::Status CudaGpu::Use() const {
  return driver_->Check(driver_->CtxSetCurrent(context_), "turning to the GPU");
}

absl::StatusOr<int64_t> CudaGpu::FreeBytes() const {
  RETURN_IF_ERROR(Use());
  size_t free = 0, total = 0;
  RETURN_IF_ERROR(driver_->Check(driver_->MemGetInfo(&free, &total), "asking for free memory"));
  return static_cast<int64_t>(free);
}

}  // namespace lluda::runtime
