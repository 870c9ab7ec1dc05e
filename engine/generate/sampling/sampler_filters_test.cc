// What temperature and filters leave of a distribution, and how often its tokens are drawn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "engine/generate/sampling/sampler.h"
#include "engine/generate/sampling/sampler_test_util.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;

std::vector<float> Logs(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

TEST(SamplerTest, WithoutFiltersFrequenciesAreTheSoftmax) {
  const std::vector<double> p = {0.5, 0.25, 0.15, 0.1};
  ExpectDistribution(Frequencies({}, Logs(p), 100000), p, 100000);
}

TEST(SamplerTest, TemperatureSharpensTheDistribution) {
  SamplerOptions options;
  options.temperature = 0.5f;
  // p^2, renormalised: 0.36, 0.09, 0.01 over 0.46.
  ExpectDistribution(Frequencies(options, Logs({0.6, 0.3, 0.1}), 100000),
                     {36.0 / 46, 9.0 / 46, 1.0 / 46}, 100000);
}

TEST(SamplerTest, TopKKeepsTheLargestAndRenormalises) {
  SamplerOptions options;
  options.top_k = 2;
  const auto count = Frequencies(options, Logs({0.1, 0.4, 0.2, 0.3}), 50000);
  EXPECT_EQ(count.size(), 2u);
  ExpectDistribution(count, {0, 4.0 / 7, 0, 3.0 / 7}, 50000);
}

TEST(SamplerTest, TopKKeepsAllThatTieWithTheLastOne) {
  SamplerOptions options;
  options.top_k = 2;
  EXPECT_THAT(Support(options, {1, 2, 3, 2, 0}), ElementsAre(1, 2, 3));
}

TEST(SamplerTest, TopKBeyondTheVocabularyKeepsAll) {
  SamplerOptions options;
  options.top_k = 100;
  EXPECT_THAT(Support(options, {1, 2, 3}), ElementsAre(0, 1, 2));
}

TEST(SamplerTest, TopPKeepsTheFewestThatReachIt) {
  SamplerOptions options;
  const std::vector<float> logits = Logs({0.05, 0.5, 0.15, 0.3});
  options.top_p = 0.79f;  // 0.5 falls short, 0.8 reaches it
  EXPECT_THAT(Support(options, logits), ElementsAre(1, 3));
  options.top_p = 0.81f;
  EXPECT_THAT(Support(options, logits), ElementsAre(1, 2, 3));
  options.top_p = 0.96f;
  EXPECT_THAT(Support(options, logits), ElementsAre(0, 1, 2, 3));
}

TEST(SamplerTest, ATinyTopPLeavesTheLikeliestToken) {
  SamplerOptions options;
  options.top_p = 1e-30f;
  EXPECT_THAT(Support(options, {1, 5, 2}), ElementsAre(1));
}

TEST(SamplerTest, TopPKeepsTheLowerOfEqualTokens) {
  SamplerOptions options;
  options.top_p = 0.49f;
  EXPECT_THAT(Support(options, {0, 0, 0, 0}), ElementsAre(0, 1));
}

TEST(SamplerTest, TopPCountsWhatTopKLeft) {
  SamplerOptions options;
  options.top_k = 2;
  options.top_p = 0.6f;
  // Of all, 0.4 falls short of 0.6. Of the two that top-k leaves, 0.4 / 0.6 reaches it.
  EXPECT_THAT(Support(options, Logs({0.4, 0.2, 0.15, 0.15, 0.1})), ElementsAre(0));
}

TEST(SamplerTest, TopPSeesTheTemperature) {
  SamplerOptions options;
  options.top_p = 0.7f;
  options.temperature = 0.5f;
  // Squared and renormalised the first has 0.78, without temperature 0.6.
  EXPECT_THAT(Support(options, Logs({0.6, 0.3, 0.1})), ElementsAre(0));
  options.temperature = 1.0f;
  EXPECT_THAT(Support(options, Logs({0.6, 0.3, 0.1})), ElementsAre(0, 1));
}

TEST(SamplerTest, MinPIsRelativeToTheLikeliest) {
  SamplerOptions options;
  options.min_p = 0.25f;  // of 0.4: 0.1 and up
  EXPECT_THAT(Support(options, Logs({0.4, 0.35, 0.11, 0.09, 0.05})), ElementsAre(0, 1, 2));
}

TEST(SamplerTest, AMinPOfOneKeepsOnlyTheLikeliest) {
  SamplerOptions options;
  options.min_p = 1.0f;
  EXPECT_THAT(Support(options, {1, 3, 3, 2}), ElementsAre(1, 2));
}

// What transformers 5.17.0 leaves of ten logits after the prompt {3, 1, 3, 8}: the softmax of its
// own RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
// and MinPLogitsWarper in the order of GenerationMixin._get_logits_processor.
struct HuggingFaceCase {
  float repetition_penalty, temperature;
  int64_t top_k;
  float top_p, min_p;
  std::vector<double> probabilities;
};

TEST(SamplerTest, DistributionsAreThoseOfTransformers) {
  const std::vector<float> logits = {2.1f, -0.4f, 1.3f, 3.2f, 0.2f, 2.8f, -1.7f, 1.3f, 2.4f, 0.9f};
  const HuggingFaceCase cases[] = {
      {1.5f,
       1,
       0,
       1,
       0,
       {.16412, .01103, .07374, .16968, .02455, .33049, .00367, .07374, .09954, .04943}},
      {0.8f,
       1.3f,
       0,
       1,
       0,
       {.09138, .0142, .04938, .39408, .02119, .15656, .00491, .04938, .1826, .0363}},
      {1, 0.7f, 6, 0.9f, 0, {.09934, 0, 0, .47815, 0, .27002, 0, 0, .15249, 0}},
      {1.3f, 0.8f, 5, 0.8f, 0.1f, {.17549, 0, 0, .27575, 0, .42098, 0, 0, .12778, 0}},
      {1, 1.5f, 0, 0.9f, 0.3f, {.16955, 0, 0, .353, 0, .27037, 0, 0, .20708, 0}},
      {1.2f, 1, 7, 1, 0.2f, {.15198, 0, .06829, .26785, 0, .30606, 0, .06829, .13752, 0}},
      {1, 0.5f, 0, 0.95f, 0, {.06288, 0, 0, .56753, 0, .25501, 0, 0, .11458, 0}},
  };
  constexpr int kDraws = 40000;
  for (const HuggingFaceCase& expected : cases) {
    SamplerOptions options;
    options.repetition_penalty = expected.repetition_penalty;
    options.temperature = expected.temperature;
    options.top_k = expected.top_k;
    options.top_p = expected.top_p;
    options.min_p = expected.min_p;
    std::map<int32_t, int> count;
    for (int i = 0; i < kDraws; ++i) {
      options.seed = static_cast<uint64_t>(i);
      OneSampler sampler(options, logits.size());
      ASSERT_TRUE(sampler.AddPrompt({3, 1, 3, 8}).ok());
      ++count[*sampler.Sample(logits)];
    }
    SCOPED_TRACE(&expected - cases);
    ExpectDistribution(count, expected.probabilities, kDraws);
  }
}

// Top-p on a large vocabulary against the definition: sort, accumulate, cut.
TEST(SamplerTest, TopPAgreesWithSortingOnALargeVocabulary) {
  constexpr int kVocab = 1000;
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 2.5f);
  std::vector<float> logits(kVocab);
  for (float& x : logits) x = normal(random);
  std::vector<int32_t> order(kVocab);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  double total = 0;
  for (const float x : logits) total += std::exp(static_cast<double>(x));
  for (const float top_p : {0.05f, 0.2f, 0.35f}) {
    std::set<int32_t> kept;
    double before = 0;
    for (const int32_t id : order) {
      if (before >= top_p * total) break;
      kept.insert(id);
      before += std::exp(static_cast<double>(logits[id]));
    }
    SamplerOptions options;
    options.top_p = top_p;
    const std::vector<int32_t> support = Support(options, logits);
    EXPECT_EQ(std::set<int32_t>(support.begin(), support.end()), kept) << "top_p " << top_p;
  }
}

TEST(SamplerTest, TopKAgreesWithSortingForSmallAndLargeK) {
  constexpr int kVocab = 800;
  std::mt19937 random(8);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> logits(kVocab);
  for (float& x : logits) x = uniform(random);
  for (const int64_t k : {1, 40, 256, 257, 600}) {
    std::vector<float> sorted = logits;
    std::sort(sorted.begin(), sorted.end(), std::greater<float>());
    std::vector<int32_t> kept;
    for (int id = 0; id < kVocab; ++id) {
      if (logits[id] >= sorted[k - 1]) kept.push_back(id);
    }
    SamplerOptions options;
    options.top_k = k;
    EXPECT_EQ(Support(options, logits), kept) << "k " << k;
  }
}

}  // namespace
}  // namespace lluda::engine
