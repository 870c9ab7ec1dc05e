// NVIDIA's driver, found at run time: no header of CUDA is included and nothing of it is linked, so
// the same program runs where there is none.
//
//   ASSIGN_OR_RETURN(std::shared_ptr<const CudaDriver> driver, CudaDriver::Load(kCudaDriverLibrary));
//   RETURN_IF_ERROR(driver->Check(driver->MemAlloc(&address, bytes), "taking memory"));
#ifndef LLUDA_RUNTIME_CUDA_DRIVER_H_
#define LLUDA_RUNTIME_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {

// The driver's types, by what they are in its ABI.
using CudaResult = int;
using CudaDeviceId = int;
using CudaAddress = uint64_t;
using CudaContext = void*;
using CudaModule = void*;
using CudaFunction = void*;
using CudaLink = void*;  // the driver's compiler at work
using CudaStream = void*;
using CudaEvent = void*;  // a moment of a stream
using CudaGraph = void*;
using CudaGraphExec = void*;

// CUlaunchAttribute_st: its value is a union of 64 bytes.
struct CudaLaunchAttribute {
  int id;
  int padding;
  int value;
  char rest[60];
};
static_assert(sizeof(CudaLaunchAttribute) == 72, "that of the driver's ABI");
// CUlaunchConfig_st.
struct CudaLaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;
  CudaStream stream;
  CudaLaunchAttribute* attributes;
  unsigned attribute_count;
};
// May begin before the kernel in front of it has ended, which it waits for itself
// (CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION).
inline constexpr int kCudaLaunchOverlaps = 6;

inline constexpr char kCudaDriverLibrary[] = "libcuda.so.1";

class CudaDriver {
 public:
  // One line says what is missing: NotFound without a driver, FailedPrecondition for one that lacks
  // a function or does not start, as where there is no GPU.
  static absl::StatusOr<std::shared_ptr<const CudaDriver>> Load(const std::string& library);
  ~CudaDriver();
  CudaDriver(const CudaDriver&) = delete;
  CudaDriver& operator=(const CudaDriver&) = delete;

  // The CUDA version that it is for, as 1000 * major + 10 * minor.
  int version() const { return version_; }

  // OK, or what went wrong while `doing` it: ResourceExhausted for memory, Unavailable for all else
  // that a device can do to a program, "CUDA: running kernels: an illegal memory access ...".
  absl::Status Check(CudaResult result, absl::string_view doing) const;

#define LLUDA_CUDA(member, symbol, parameters) CudaResult(*member) parameters = nullptr;
#include "runtime/cuda/driver.def"
#undef LLUDA_CUDA

 private:
  CudaDriver() = default;

  void* library_ = nullptr;
  int version_ = 0;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CUDA_DRIVER_H_
