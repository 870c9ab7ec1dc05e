// What a model runs on.
//
// Example: `--device cuda` is ParseDevice("cuda"), Device::kCuda.
#ifndef LLUDA_ENGINE_DEVICE_H_
#define LLUDA_ENGINE_DEVICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::engine {

enum class Device : uint8_t {
  kCpu,
  kCuda,          // an NVIDIA GPU
  kSimulatedGpu,  // that GPU's kernels, on the CPU: for tests, and slow
};

// "cpu", "cuda" and "gpu-sim".
std::vector<std::string> DeviceNames();
// InvalidArgument, naming all, for anything else.
absl::StatusOr<Device> ParseDevice(absl::string_view name);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_DEVICE_H_
