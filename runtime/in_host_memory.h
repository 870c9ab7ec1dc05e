// A device whose memory is the host's, whether or not its kernels may know: what it allocates and how
// it copies.
//
//   class CpuDevice : public InHostMemory { ... };   // what is left is how regions run
#ifndef LLUDA_RUNTIME_IN_HOST_MEMORY_H_
#define LLUDA_RUNTIME_IN_HOST_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/device.h"
#include "runtime/machine/memory.h"

namespace lluda::runtime {

class InHostMemory : public Device {
 public:
  absl::StatusOr<Memory> Allocate(int64_t bytes, Pages pages, absl::string_view purpose) override;
  absl::Status CopyIn(char* to, const void* from, int64_t bytes) override;
  absl::Status CopyOut(void* to, const char* from, int64_t bytes) override;
  absl::Status Copy(char* to, const char* from, int64_t bytes) override;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_IN_HOST_MEMORY_H_
