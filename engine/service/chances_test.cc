#include "engine/service/chances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<int32_t> Ids(const TokenChances& chances) {
  std::vector<int32_t> ids;
  for (const TokenChance& chance : chances.likeliest) ids.push_back(chance.id);
  return ids;
}

TEST(ChancesTest, AreTheLogarithmsOfTheSoftmax) {
  // Probabilities in the ratio 1 : 2 : 5.
  const std::vector<float> logits = {0, std::log(2.0f), std::log(5.0f)};
  const TokenChances chances = ChancesOf(logits, 1, 3);
  EXPECT_NEAR(chances.log_probability, std::log(2.0 / 8), 1e-7);
  ASSERT_THAT(Ids(chances), ElementsAre(2, 1, 0));
  EXPECT_NEAR(chances.likeliest[0].log_probability, std::log(5.0 / 8), 1e-7);
  EXPECT_NEAR(chances.likeliest[2].log_probability, std::log(1.0 / 8), 1e-7);
}

TEST(ChancesTest, SumToOneOverALargeVocabularyOfLargeLogits) {
  std::vector<float> logits;
  for (int i = 0; i < 5000; ++i) logits.push_back(1e4f + 10 * std::sin(static_cast<float>(i)));
  double sum = 0;
  for (const TokenChance& chance : ChancesOf(logits, 0, 5000).likeliest) {
    sum += std::exp(chance.log_probability);
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(ChancesTest, OfEqualTokensTheLowerIdComesFirst) {
  EXPECT_THAT(Ids(ChancesOf({1, 3, 3, 1, 3}, 0, 2)), ElementsAre(1, 2));
  EXPECT_THAT(Ids(ChancesOf({1, 3, 3, 1, 3}, 0, 4)), ElementsAre(1, 2, 4, 0));
}

TEST(ChancesTest, NoMoreAreNamedThanCanCome) {
  const float infinity = std::numeric_limits<float>::infinity();
  const TokenChances chances = ChancesOf({-infinity, 2, -infinity, 1}, 0, 4);
  EXPECT_THAT(Ids(chances), ElementsAre(1, 3));
  EXPECT_EQ(chances.log_probability, -infinity);
}

TEST(ChancesTest, NoneAreNamedWhereNoneAreAskedFor) {
  EXPECT_THAT(Ids(ChancesOf({1, 2}, 0, 0)), IsEmpty());
}

}  // namespace
}  // namespace lluda::engine
