#include "tools/validate/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace lluda::tools {
namespace {

using testing::ElementsAre;

TEST(CompareTest, DistanceIsRelativeToTheReference) {
  const std::vector<float> ours = {3, 0}, reference = {3, 4};
  const LogitsDistance distance = Compare(ours, reference);
  EXPECT_DOUBLE_EQ(distance.mse, 8);           // 4^2 / 2
  EXPECT_DOUBLE_EQ(distance.nmse, 16.0 / 25);  // 4^2 / (3^2 + 4^2)
  EXPECT_DOUBLE_EQ(distance.mean_square, 12.5);
  EXPECT_DOUBLE_EQ(distance.cosine, 0.6);
}

TEST(CompareTest, ANanIsNotCloseToAnything) {
  const std::vector<float> ours = {std::numeric_limits<float>::quiet_NaN(), 1};
  const std::vector<float> reference = {1, 1};
  EXPECT_FALSE(Compare(ours, reference).nmse < 1);
}

TEST(CompareTest, TheLargestComeFirstAndOfEqualsTheLower) {
  const std::vector<float> values = {1, 5, 5, -2, 7};
  EXPECT_EQ(ArgMax(values), 4);
  EXPECT_EQ(ArgMax(std::vector<float>{2, 9, 9}), 1);
  EXPECT_THAT(Largest(values, 3), ElementsAre(4, 1, 2));
  EXPECT_THAT(Largest(values, 99), ElementsAre(4, 1, 2, 0, 3));
}

TEST(CompareTest, LikelihoodIsThatOfSoftmaxEvenForLargeLogits) {
  const std::vector<float> logits = {1000, 1000, 1000, 1000};
  EXPECT_NEAR(NegativeLogLikelihood(logits, 2), std::log(4.0), 1e-12);
}

TEST(CompareTest, GreedyTokensCountUpToTheFirstCloseCall) {
  EXPECT_EQ(DecidedSteps({0.5, 0.3, 0.019, 0.4}, 4), 2);
  EXPECT_EQ(DecidedSteps({0.5, 0.02}, 2), 2);
  EXPECT_EQ(DecidedSteps({}, 7), 7);
  EXPECT_EQ(DecidedSteps({0.5, 0.09}, 2, kInt8DecidedMargin), 1);
}

}  // namespace
}  // namespace lluda::tools
