#include "tools/measure/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(MachineTest, BusyIsAllButIdleWaitingAndStolenTime) {
  const auto seconds = ParseCpuSeconds(
      "cpu  1000 200 300 90000 5000 40 60 700 11 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 100);
  ASSERT_TRUE(seconds);
  EXPECT_DOUBLE_EQ(seconds->busy, 16);
  EXPECT_DOUBLE_EQ(seconds->stolen, 7);
}

TEST(MachineTest, WhatIsNotProcStatGivesNothing) {
  EXPECT_FALSE(ParseCpuSeconds("", 100));
  EXPECT_FALSE(ParseCpuSeconds("cpu 1 2 3", 100));
  EXPECT_FALSE(ParseCpuSeconds("cpu a b c d e f g h", 100));
  EXPECT_FALSE(ParseCpuSeconds("intr 1 2 3 4 5 6 7 8 9", 100));
}

TEST(MachineTest, AQuietMachineIsNotWarnedOf) {
  EXPECT_EQ(BusyWarning({0.09, 0.0}, 2), "");
  EXPECT_EQ(BusyWarning({0.5, 0.2}, 16), "");
}

TEST(MachineTest, ABusyNeighbourIsNamedWithHowMuchItUsed) {
  EXPECT_THAT(BusyWarning({0.98, 0.0}, 2),
              AllOf(HasSubstr("other processes used 0.98 of its 2 CPUs")));
  EXPECT_THAT(BusyWarning({0.0, 0.25}, 2), HasSubstr("its host took 0.25"));
}

}  // namespace
}  // namespace lluda::tools
