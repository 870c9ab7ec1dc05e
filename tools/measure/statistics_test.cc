#include "tools/measure/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::tools {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

TEST(StatisticsTest, AQuantileLiesBetweenItsNeighbours) {
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.25), 1.75);
  EXPECT_DOUBLE_EQ(Quantile({10, 30, 20}, 0.5), 20);
  EXPECT_DOUBLE_EQ(Quantile({7}, 0.75), 7);
}

TEST(StatisticsTest, OneOutlierMovesNeitherMedianNorSpreadFar) {
  const Summary quiet = Summarize({60, 61, 62, 63, 64});
  EXPECT_DOUBLE_EQ(quiet.median, 62);
  EXPECT_DOUBLE_EQ(quiet.spread, 2);
  const Summary disturbed = Summarize({5, 61, 62, 63, 64});
  EXPECT_DOUBLE_EQ(disturbed.median, 62);
  EXPECT_DOUBLE_EQ(disturbed.spread, 2);
  EXPECT_DOUBLE_EQ(disturbed.min, 5);
  EXPECT_DOUBLE_EQ(disturbed.max, 64);
}

TEST(StatisticsTest, OneValueHasNoSpread) {
  const Summary summary = Summarize({42});
  EXPECT_DOUBLE_EQ(summary.median, 42);
  EXPECT_DOUBLE_EQ(summary.spread, 0);
}

// The machine halves its speed in the middle, and the subject with it: the ratio stays.
TEST(StatisticsTest, ASubjectIsComparedWithTheLimitsAroundIt) {
  EXPECT_THAT(RatiosInTurns({80, 80, 40, 40}, {72, 54, 36}),
              ElementsAre(DoubleEq(0.9), DoubleEq(0.9), DoubleEq(0.9)));
}

}  // namespace
}  // namespace lluda::tools
