#include "tools/eval/score.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

TEST(ScoreTest, IsTheTokensSurpriseByTheDefinition) {
  const std::vector<float> logits = {1, -2, 0.5f};
  const double sum = std::exp(1.0) + std::exp(-2.0) + std::exp(0.5);
  EXPECT_NEAR(Score(logits, 1, {}).nll, -std::log(std::exp(-2.0) / sum), 1e-15);
}

TEST(ScoreTest, DivergenceIsTheSumOverAllTokensByTheDefinition) {
  // Probabilities 1/2, 1/4, 1/4 of this model and 1/4, 1/4, 1/2 of the other.
  const float log2 = std::log(2.0f);
  const std::vector<float> ours = {log2, 0, 0}, theirs = {0, 0, log2};
  const PositionScore score = Score(ours, 2, theirs);
  EXPECT_NEAR(score.kl, 0.25 * std::log(0.5) + 0.5 * std::log(2.0), 1e-7);
  EXPECT_NEAR(score.nll, std::log(4.0), 1e-7);
  EXPECT_NEAR(score.against_nll, std::log(2.0), 1e-7);
  EXPECT_FALSE(score.same_top);
}

TEST(ScoreTest, DivergenceFromItselfIsNothingAtAll) {
  std::vector<float> logits;
  for (int i = 0; i < 1000; ++i) logits.push_back(static_cast<float>(std::sin(i * 0.7) * 20));
  const PositionScore score = Score(logits, 5, logits);
  EXPECT_EQ(score.kl, 0);
  EXPECT_EQ(score.nll, score.against_nll);
  EXPECT_TRUE(score.same_top);
}

TEST(ScoreTest, ALargeShiftOfAllLogitsChangesNothing) {
  const std::vector<float> logits = {1000, 1001, 999}, same = {-1, 0, -2};
  EXPECT_NEAR(Score(logits, 0, same).kl, 0, 1e-15);
  EXPECT_NEAR(Score(logits, 0, {}).nll, Score(same, 0, {}).nll, 1e-12);
}

TEST(ScoreTest, WhatTheOtherModelRulesOutCostsNothing) {
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<float> ours = {0, 0, 0}, theirs = {0, 0, none};
  EXPECT_NEAR(Score(ours, 0, theirs).kl, std::log(1.5), 1e-15);
}

TEST(QuantileTest, IsOneOfTheValuesByItsRank) {
  std::vector<double> values;
  for (int i = 200; i > 0; --i) values.push_back(i);
  EXPECT_EQ(NearestRank(values, 0.99), 198);
  EXPECT_EQ(NearestRank(values, 0.5), 100);
  EXPECT_EQ(NearestRank(values, 1), 200);
  EXPECT_EQ(NearestRank({7}, 0.01), 7);
  EXPECT_TRUE(std::isnan(NearestRank({1, std::nan(""), 0}, 1)));
}

}  // namespace
}  // namespace lluda::tools
