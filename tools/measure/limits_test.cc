#include "tools/measure/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace lluda::tools {
namespace {

constexpr int64_t kReadBytes = 1 << 20;

TEST(LimitsTest, EveryLimitThatTheTargetHasIsARate) {
  for (const int threads : {1, 3}) {
    const auto meter = LimitMeter::Create(codegen::Target::Host(), threads, kReadBytes);
    ASSERT_TRUE(meter.ok()) << meter.status();
    EXPECT_EQ((*meter)->threads(), threads);
    EXPECT_TRUE((*meter)->Has(codegen::Limit::kDramRead));
    EXPECT_TRUE((*meter)->Has(codegen::Limit::kF32));
    for (const codegen::Limit limit : codegen::kAllLimits) {
      if (!(*meter)->Has(limit)) continue;
      const double rate = (*meter)->Measure(limit, 0);
      EXPECT_TRUE(std::isfinite(rate) && rate > 0) << (*meter)->LoopName(limit) << ": " << rate;
    }
  }
}

TEST(LimitsTest, AnOlderTargetHasNoLimitForInstructionsThatItLacks) {
  const auto target = codegen::Target::Named("generic");
  ASSERT_TRUE(target.ok()) << target.status();
  const auto meter = LimitMeter::Create(*target, 1, kReadBytes);
  ASSERT_TRUE(meter.ok()) << meter.status();
  EXPECT_FALSE((*meter)->Has(codegen::Limit::kBf16));
  EXPECT_FALSE((*meter)->Has(codegen::Limit::kInt8));
  EXPECT_THAT((*meter)->LoopName(codegen::Limit::kF32), testing::HasSubstr("generic"));
}

TEST(LimitsTest, MemoryThatCannotBeHadIsAnErrorThatSaysWhatFor) {
  const auto meter = LimitMeter::Create(codegen::Target::Host(), 1, int64_t{1} << 60);
  EXPECT_THAT(std::string(meter.status().message()),
              testing::HasSubstr("of memory to measure how fast memory is read"));
}

}  // namespace
}  // namespace lluda::tools
