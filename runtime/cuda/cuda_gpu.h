// A GPU of the CUDA driver: what it is, and the context in which a process uses it.
//
//   ASSIGN_OR_RETURN(std::shared_ptr<const CudaGpu> gpu, CudaGpu::Open(kCudaDriverLibrary));
//   LOG(INFO) << gpu->name();   // "NVIDIA H200"
#ifndef LLUDA_RUNTIME_CUDA_CUDA_GPU_H_
#define LLUDA_RUNTIME_CUDA_CUDA_GPU_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "runtime/cuda/driver.h"
#include "runtime/cuda/gpu_kernels.h"
#include "runtime/device.h"

namespace lluda::runtime {

class CudaGpu {
 public:
  // The first one that the driver offers (CUDA_VISIBLE_DEVICES chooses). NotFound without a driver or
  // a GPU, other errors as in driver.h; each is one line.
  static absl::StatusOr<std::shared_ptr<const CudaGpu>> Open(const std::string& library);
  ~CudaGpu();
  CudaGpu(const CudaGpu&) = delete;
  CudaGpu& operator=(const CudaGpu&) = delete;

  const CudaDriver& driver() const { return *driver_; }
  const std::string& name() const { return name_; }
  int major() const { return major_; }  // of the compute capability
  int minor() const { return minor_; }
  // By its multiprocessors and their highest clock; zeros of one that came after this was written.
  const PeakRates& peak() const { return peak_; }

  // OK if it runs what is compiled for the target; FailedPrecondition, in one line, if it does not, or
  // if the driver is too old for that.
  absl::Status CheckRuns(const GpuTarget& target) const;

  // Makes the calling thread's calls go to this GPU.
  absl::Status Use() const;
  // Bytes that can still be taken.
  absl::StatusOr<int64_t> FreeBytes() const;

 private:
  explicit CudaGpu(std::shared_ptr<const CudaDriver> driver) : driver_(std::move(driver)) {}

  std::shared_ptr<const CudaDriver> driver_;
  std::string name_;
  CudaDeviceId id_ = 0;
  CudaContext context_ = nullptr;
  int major_ = 0;
  int minor_ = 0;
  PeakRates peak_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CUDA_CUDA_GPU_H_
