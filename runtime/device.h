// What programs run on: a CPU and its threads, or a device with memory of its own. Executable walks
// the lists and knows where each buffer lies; all else is the device's. A device belongs to one
// executable.
//
//   std::unique_ptr<Device> device = ...;
//   device->Prepare(program);                                // once
//   Memory frame = *device->Allocate(program.frame_bytes, Pages::kSmall, "activations");
//   device->RunRegion({calls, nullptr});                     // as often as wanted, in order
//   device->Wait();                                          // now results can be read
//
// A device may collect regions, as a graph, say, and run them when it is waited for.
#ifndef LLUDA_RUNTIME_DEVICE_H_
#define LLUDA_RUNTIME_DEVICE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/machine/memory.h"
#include "runtime/program.h"
#include "runtime/timeline.h"

namespace lluda::runtime {

// A call of Program::load or of an entry, with the addresses of its buffers.
struct BoundCall {
  uint32_t call = 0;    // in its list
  uint32_t kernel = 0;  // of the program
  void** buffers = nullptr;
  int64_t first_item = 0;
  int64_t items = 0;
  const int64_t* dims = nullptr;  // as KernelArgs::dims
};

// A call that is run alone or several that are run side by side.
struct Region {
  absl::Span<const BoundCall> calls;
  Timeline* timeline = nullptr;  // for the threads' work on the calls; null: nobody asks
};

// Operations a second that a device can do at most, as its makers say; 0: nothing is said.
struct PeakRates {
  double f32 = 0;   // by multiply-adds
  double bf16 = 0;  // products of bf16, with sums in f32
};

class Device {
 public:
  virtual ~Device() = default;

  virtual PeakRates Peak() const { return {}; }

  // Whether kernels work on the host's memory. Weights, inputs and results then stay where they
  // are; elsewhere they are copied, and addresses of the device mean nothing to the host.
  virtual bool UsesHostMemory() const = 0;

  // `bytes` >= 0, zeroed, at a multiple of 64; to be given back before the device goes.
  // ResourceExhausted, naming `purpose`, when there is not so much.
  virtual absl::StatusOr<Memory> Allocate(int64_t bytes, Pages pages,
                                          absl::string_view purpose) = 0;

  // Memory of the host, from and to which copies are quickest. The same errors.
  virtual absl::StatusOr<Memory> AllocateHost(int64_t bytes, absl::string_view purpose) {
    return Memory::Allocate(bytes, Pages::kSmall, purpose);
  }

  // From the host's memory, and back. Each returns when the host may use its bytes again.
  virtual absl::Status CopyIn(char* to, const void* from, int64_t bytes) = 0;
  virtual absl::Status CopyOut(void* to, const char* from, int64_t bytes) = 0;

  // Within its memory, behind all regions that have run; the ranges do not overlap.
  virtual absl::Status Copy(char* to, const char* from, int64_t bytes) = 0;

  // What the program's kernels need beside their buffers. Before any region; the program outlives
  // the device.
  virtual absl::Status Prepare(const Program& program) = 0;

  // Runs the region behind all earlier ones. Returns whether threads shared it.
  virtual bool RunRegion(const Region& region) = 0;
  // Whether the device adds regions to their timelines itself, when it is waited for: it runs them
  // after RunRegion has returned.
  virtual bool TimesRegions() const { return false; }

  // Returns when all regions have run, with what went wrong on the way.
  virtual absl::Status Wait() = 0;

  // Of matmuls that may leave columns out, those that were computed since this was asked last; 0 where
  // the device does not count them.
  virtual int64_t TakeComputed() { return 0; }
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_DEVICE_H_
