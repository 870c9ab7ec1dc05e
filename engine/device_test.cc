#include "engine/device.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

TEST(Device, IsKnownByName) {
  EXPECT_EQ(*ParseDevice("cpu"), Device::kCpu);
  EXPECT_EQ(*ParseDevice("cuda"), Device::kCuda);
  EXPECT_EQ(*ParseDevice("gpu-sim"), Device::kSimulatedGpu);
  for (const std::string& name : DeviceNames()) EXPECT_TRUE(ParseDevice(name).ok()) << name;
}

TEST(Device, OtherNamesAreRefusedWithAllThatThereAre) {
  EXPECT_EQ(ParseDevice("tpu").status(),
            absl::InvalidArgumentError("there is no device 'tpu'; there are cpu, cuda, gpu-sim"));
}

}  // namespace
}  // namespace lluda::engine
