#include "base/align.h"

#include "gtest/gtest.h"

namespace lluda::base {
namespace {

TEST(RoundUp, GivesTheLeastMultipleThatIsNotBelow) {
  EXPECT_EQ(RoundUp(0, 64), 0);
  EXPECT_EQ(RoundUp(1, 64), 64);
  EXPECT_EQ(RoundUp(64, 64), 64);
  EXPECT_EQ(RoundUp(65, 64), 128);
  EXPECT_EQ(RoundUp<int64_t>(10, 3), 12);
  EXPECT_EQ(RoundUp((uint64_t{1} << 63) + 1, 4096), (uint64_t{1} << 63) + 4096);
}

}  // namespace
}  // namespace lluda::base
