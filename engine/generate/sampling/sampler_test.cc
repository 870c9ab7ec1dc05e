#include "engine/generate/sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/generate/sampling/sampler_test_util.h"
#include "runtime/counting_allocator.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(SamplerTest, GreedyTakesTheLargestAndTheLowestOfEquals) {
  SamplerOptions options;
  options.temperature = 0;
  OneSampler sampler(options, 5);
  EXPECT_EQ(*sampler.Sample({1, 7, 3, 7, 2}), 1);
}

TEST(SamplerTest, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplerOptions options;
  options.temperature = 0;
  options.repetition_penalty = 2;
  OneSampler positive(options, 3);
  ASSERT_TRUE(positive.AddPrompt({0, 0, 0}).ok());
  // 4 becomes 2, however often the token was there.
  EXPECT_EQ(*positive.Sample({4, 2.5f, 1.9f}), 1);
  OneSampler still_first(options, 3);
  ASSERT_TRUE(still_first.AddPrompt({0, 0, 0}).ok());
  EXPECT_EQ(*still_first.Sample({4, 1.5f, 1.9f}), 0);
  OneSampler negative(options, 2);
  ASSERT_TRUE(negative.AddPrompt({0}).ok());
  // -1 becomes -2.
  EXPECT_EQ(*negative.Sample({-1, -1.5f}), 1);
}

TEST(SamplerTest, RepetitionPenaltyAlsoSeesGeneratedTokens) {
  SamplerOptions options;
  options.temperature = 0;
  options.repetition_penalty = 2;
  OneSampler sampler(options, 2);
  EXPECT_EQ(*sampler.Sample({3, 2}), 0);
  EXPECT_EQ(*sampler.Sample({3, 2}), 1);
}

TEST(SamplerTest, PresencePenaltyIsTakenOnceAndOnlyForGeneratedTokens) {
  SamplerOptions options;
  options.temperature = 0;
  options.presence_penalty = 1;
  OneSampler sampler(options, 2);
  ASSERT_TRUE(sampler.AddPrompt({0}).ok());
  EXPECT_EQ(*sampler.Sample({2.5f, 2}), 0);  // the prompt does not count
  EXPECT_EQ(*sampler.Sample({3.5f, 2}), 0);  // 2.5 against 2
  EXPECT_EQ(*sampler.Sample({3.5f, 2}), 0);  // not taken twice
  EXPECT_EQ(*sampler.Sample({2.5f, 2}), 1);
}

TEST(SamplerTest, FrequencyPenaltyGrowsWithTheCount) {
  SamplerOptions options;
  options.temperature = 0;
  options.frequency_penalty = 1;
  OneSampler sampler(options, 2);
  EXPECT_EQ(*sampler.Sample({3.5f, 1}), 0);
  EXPECT_EQ(*sampler.Sample({3.5f, 1}), 0);  // 2.5
  EXPECT_EQ(*sampler.Sample({3.5f, 1}), 0);  // 1.5
  EXPECT_EQ(*sampler.Sample({3.5f, 1}), 1);  // 0.5
}

TEST(SamplerTest, PenaltiesComeBeforeTheFilters) {
  SamplerOptions options;
  options.presence_penalty = 5;
  options.top_k = 1;
  OneSampler sampler(options, 3);
  EXPECT_EQ(*sampler.Sample({4, 3, 2}), 0);
  EXPECT_EQ(*sampler.Sample({4, 3, 2}), 1);
  EXPECT_EQ(*sampler.Sample({4, 3, 2}), 2);
}

TEST(SamplerTest, TheSameSeedGivesTheSameTokensAndAnotherSeedOthers) {
  const std::vector<float> logits(1000, 0.0f);
  const auto draw = [&logits](uint64_t seed) {
    SamplerOptions options;
    options.seed = seed;
    OneSampler sampler(options, logits.size());
    std::vector<int32_t> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(*sampler.Sample(logits));
    return ids;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(SamplerTest, MaskedTokensNeverCome) {
  EXPECT_THAT(Support({}, {0, -kInf, 0, -kInf}), ElementsAre(0, 2));
  SamplerOptions options;
  options.top_k = 3;
  EXPECT_THAT(Support(options, {0, -kInf, 0, -kInf, -kInf}), ElementsAre(0, 2));
}

TEST(SamplerTest, ExtremeTemperaturesStayDefined) {
  SamplerOptions options;
  options.temperature = 1e30f;
  ExpectDistribution(Frequencies(options, {-100, 0, 100, 5}, 40000), {.25, .25, .25, .25}, 40000);
  options.temperature = std::numeric_limits<float>::denorm_min();
  EXPECT_THAT(Support(options, {1, 3, 2}), ElementsAre(1));
}

TEST(SamplerTest, BadLogitsAreNamed) {
  for (const float temperature : {0.0f, 1.0f}) {
    SamplerOptions options;
    options.temperature = temperature;
    // Long enough for the vector loop and its remainder.
    OneSampler sampler(options, 37);
    for (const int position : {0, 20, 36}) {
      std::vector<float> logits(37, 1.0f);
      logits[position] = kNan;
      const auto nan = sampler.Sample(logits);
      EXPECT_EQ(nan.status().code(), absl::StatusCode::kInternal);
      EXPECT_EQ(nan.status().message(),
                "the logit of token " + std::to_string(position) + " is NaN");
      logits[position] = kInf;
      EXPECT_THAT(std::string(sampler.Sample(logits).status().message()), HasSubstr("is +inf"));
    }
    EXPECT_THAT(std::string(sampler.Sample(std::vector<float>(37, -kInf)).status().message()),
                HasSubstr("all logits are -inf"));
  }
}

TEST(SamplerTest, APenaltyThatOverflowsMakesItsTokenTheLikeliest) {
  for (const float temperature : {0.0f, 1.0f}) {
    SamplerOptions options;
    options.temperature = temperature;
    options.repetition_penalty = 1e-38f;
    options.frequency_penalty = -std::numeric_limits<float>::max();
    OneSampler sampler(options, 3);
    ASSERT_TRUE(sampler.AddPrompt({1, 2}).ok());
    for (int i = 0; i < 5; ++i) {
      const auto token = sampler.Sample({1, 100, -kInf});
      ASSERT_TRUE(token.ok()) << token.status();
      EXPECT_EQ(*token, 1);
    }
    // What the model gives is not covered up.
    EXPECT_EQ(sampler.Sample({1, kInf, 0}).status().message(), "the logit of token 1 is +inf");
  }
}

TEST(SamplerTest, ALogitRowOfAnotherSizeIsRefused) {
  OneSampler sampler({}, 4);
  EXPECT_EQ(sampler.Sample({1, 2, 3}).status().message(), "got 3 logits for a vocabulary of 4");
}

TEST(SamplerTest, APromptTokenOutsideTheVocabularyIsRefusedWhole) {
  SamplerOptions options;
  options.temperature = 0;
  options.repetition_penalty = 10;
  OneSampler sampler(options, 2);
  EXPECT_EQ(sampler.AddPrompt({0, 2}).message(), "token 2 is outside the vocabulary of 2");
  EXPECT_EQ(sampler.AddPrompt({-1}).message(), "token -1 is outside the vocabulary of 2");
  EXPECT_EQ(*sampler.Sample({3, 2}), 0);
}

TEST(SamplerTest, AKnownTokenAllocatesNothing) {
  constexpr int kVocab = 3000;
  std::mt19937 random(9);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> logits(kVocab);
  for (float& x : logits) x = normal(random);
  SamplerOptions plain, small_k, large_k;
  plain.top_p = 0.9f;
  plain.repetition_penalty = 1.1f;
  small_k.top_k = 40;
  small_k.min_p = 0.05f;
  large_k.top_k = 1000;
  large_k.top_p = 0.95f;
  for (const SamplerOptions& options : {plain, small_k, large_k}) {
    OneSampler sampler(options, kVocab);
    // From the second on: the scratch has its size, and the tokens are known.
    std::vector<int32_t> all(kVocab);
    std::iota(all.begin(), all.end(), 0);
    if (!sampler.AddPrompt(all).ok() || !sampler.Sample(logits).ok()) std::abort();
    const int64_t before = runtime::AllocationCount();
    for (int i = 0; i < 100; ++i) {
      if (!sampler.Sample(logits).ok()) std::abort();
    }
    EXPECT_EQ(runtime::AllocationCount(), before);
  }
}

struct BadOption {
  void (*set)(SamplerOptions*);
  const char* message;
};

TEST(SamplerOptionsTest, EachBadValueIsNamedWithItsRange) {
  const BadOption cases[] = {
      {[](SamplerOptions* o) { o->temperature = kNan; },
       "temperature must be a finite number >= 0, got nan"},
      {[](SamplerOptions* o) { o->temperature = -1; },
       "temperature must be a finite number >= 0, got -1"},
      {[](SamplerOptions* o) { o->temperature = kInf; },
       "temperature must be a finite number >= 0, got inf"},
      {[](SamplerOptions* o) { o->top_k = -2; }, "top_k must be >= 0 (0 turns it off), got -2"},
      {[](SamplerOptions* o) { o->top_p = 0; }, "top_p must be in (0, 1], got 0"},
      {[](SamplerOptions* o) { o->top_p = 1.5f; }, "top_p must be in (0, 1], got 1.5"},
      {[](SamplerOptions* o) { o->top_p = kNan; }, "top_p must be in (0, 1], got nan"},
      {[](SamplerOptions* o) { o->min_p = 2; }, "min_p must be in [0, 1], got 2"},
      {[](SamplerOptions* o) { o->min_p = -0.5f; }, "min_p must be in [0, 1], got -0.5"},
      {[](SamplerOptions* o) { o->repetition_penalty = 0; },
       "repetition_penalty must be a finite number > 0, got 0"},
      {[](SamplerOptions* o) { o->repetition_penalty = kNan; },
       "repetition_penalty must be a finite number > 0, got nan"},
      {[](SamplerOptions* o) { o->presence_penalty = kInf; },
       "presence_penalty must be a finite number, got inf"},
      {[](SamplerOptions* o) { o->frequency_penalty = kNan; },
       "frequency_penalty must be a finite number, got nan"},
  };
  for (const BadOption& bad : cases) {
    SamplerOptions options;
    bad.set(&options);
    const auto sampler = Sampler::Create(options, 10);
    EXPECT_EQ(sampler.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(sampler.status().message(), bad.message);
  }
}

TEST(SamplerOptionsTest, AnEmptyVocabularyIsRefused) {
  EXPECT_EQ(Sampler::Create({}, 0).status().message(), "cannot sample from 0 tokens");
}

TEST(CheckedMaximumTest, LogitsOfWhichNoProbabilitiesCanBeMadeAreRefused) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(*CheckedMaximum({0, -infinity, 3}), 3);
  EXPECT_EQ(CheckedMaximum({0, NAN, infinity}).status().message(), "the logit of token 1 is NaN");
  EXPECT_EQ(CheckedMaximum({0, -infinity, infinity}).status().message(),
            "the logit of token 2 is +inf");
  EXPECT_EQ(CheckedMaximum({-infinity, -infinity}).status().message(),
            "all logits are -inf: no token can follow");
}

}  // namespace
}  // namespace lluda::engine
