#include "frontends/families/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lluda::frontends::families {
namespace {

constexpr double kTheta = 500000;
constexpr int64_t kDim = 64;

double Unscaled(int64_t pair) {
  return std::exp(-2.0 * static_cast<double>(pair) / kDim * std::log(kTheta));
}

TEST(RopeTest, LinearFrequenciesAreAllDivided) {
  const std::vector<float> frequencies = LinearFrequencies(kTheta, kDim, 4);
  ASSERT_EQ(frequencies.size(), 32u);
  for (int64_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(frequencies[i] * 4 / Unscaled(i), 1, 3e-7) << i;
  }
}

TEST(RopeTest, Llama3StretchesLongWavesAndLeavesShortOnes) {
  const std::vector<float> frequencies = Llama3Frequencies(kTheta, kDim, {32, 1, 4, 8192});
  ASSERT_EQ(frequencies.size(), 32u);
  int short_ones = 0, long_ones = 0, between = 0;
  for (int64_t i = 0; i < 32; ++i) {
    const double unscaled = Unscaled(i);
    const double turns = 8192 * unscaled / (2 * M_PI);  // in the original context
    if (turns > 4) {
      ++short_ones;
      EXPECT_NEAR(frequencies[i] / unscaled, 1, 3e-7) << i;
    } else if (turns < 1) {
      ++long_ones;
      EXPECT_NEAR(frequencies[i] * 32 / unscaled, 1, 3e-7) << i;
    } else {
      ++between;
      const double share = (turns - 1) / (4 - 1);
      EXPECT_NEAR(frequencies[i] / (unscaled * (share + (1 - share) / 32)), 1, 1e-6) << i;
    }
  }
  EXPECT_GT(short_ones, 10);
  EXPECT_GT(long_ones, 10);
  EXPECT_GT(between, 2);
}

// Of a head of 16, a base of 10000, and a factor of 4.
TEST(RopeTest, YarnLeavesFastPairsAndDividesSlowOnes) {
  const std::vector<float> frequencies = YarnFrequencies(10000, 16, {4, 64});
  ASSERT_EQ(frequencies.size(), 8u);
  EXPECT_EQ(frequencies[0], 1.0f);
  for (int64_t i = 0; i < 8; ++i) {
    const double unscaled = std::pow(10000, -i / 8.0);
    // Pairs go over between the one that turns 32 times in 64 positions, before the first, and the
    // one that turns once, the third.
    const double share = std::min(1.0, static_cast<double>(i) / 3);
    EXPECT_NEAR(frequencies[i] / (unscaled * (1 - share + share / 4)), 1, 1e-6) << i;
  }
}

TEST(RopeTest, YarnMayGoOverBetweenWholePairs) {
  const double begin = 0, end = 16 * std::log(64 / (2 * M_PI)) / (2 * std::log(10000.0));
  const std::vector<float> frequencies = YarnFrequencies(10000, 16, {4, 64, 32, 1, false});
  for (int64_t i = 0; i < 8; ++i) {
    const double share = std::min(1.0, (static_cast<double>(i) - begin) / (end - begin));
    EXPECT_NEAR(frequencies[i] / (std::pow(10000, -i / 8.0) * (1 - share + share / 4)), 1, 1e-6);
  }
}

TEST(RopeTest, LongRopeDividesEachPairByAFactorOfItsOwn) {
  const std::vector<float> frequencies = LongRopeFrequencies(10000, 8, {1, 2, 4, 8});
  ASSERT_EQ(frequencies.size(), 4u);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(frequencies[i] / (std::pow(10000, -i / 4.0) / std::pow(2, i)), 1, 3e-7) << i;
  }
}

}  // namespace
}  // namespace lluda::frontends::families
