#include "engine/device.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lluda::engine {
namespace {

struct DeviceRow {
  Device device;
  const char* name;
};
constexpr DeviceRow kDevices[] = {
    {Device::kCpu, "cpu"}, {Device::kCuda, "cuda"}, {Device::kSimulatedGpu, "gpu-sim"}};

}  // namespace

std::vector<std::string> DeviceNames() {
  std::vector<std::string> names;
  for (const DeviceRow& row : kDevices) names.emplace_back(row.name);
  return names;
}

absl::StatusOr<Device> ParseDevice(absl::string_view name) {
  for (const DeviceRow& row : kDevices) {
    if (name == row.name) return row.device;
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no device '", name, "'; there are ",
                                                 absl::StrJoin(DeviceNames(), ", ")));
}

}  // namespace lluda::engine
