// A sampler under a grammar's filter, and with biases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/generate/sampling/sampler.h"
#include "engine/grammar/token_filter.h"

namespace lluda::engine {
namespace {

// Allows some tokens, and counts what it is asked.
class SomeTokens : public grammar::TokenFilter {
 public:
  explicit SomeTokens(std::vector<bool> allowed) : allowed_(std::move(allowed)) {}

  bool Allows(int32_t token) override {
    ++asked;
    return allowed_[static_cast<size_t>(token)];
  }
  absl::Span<const uint64_t> Mask() override {
    ++masks;
    mask_.assign((allowed_.size() + 63) / 64, 0);
    for (size_t i = 0; i < allowed_.size(); ++i) mask_[i / 64] |= uint64_t{allowed_[i]} << (i % 64);
    return mask_;
  }
  std::optional<int32_t> OnlyToken() override {
    const auto first = std::find(allowed_.begin(), allowed_.end(), true);
    if (std::count(allowed_.begin(), allowed_.end(), true) != 1) return std::nullopt;
    return static_cast<int32_t>(first - allowed_.begin());
  }

  int asked = 0;
  int masks = 0;

 private:
  std::vector<bool> allowed_;
  std::vector<uint64_t> mask_;
};

TEST(FilteredSamplerTest, IsTheSamplerOfLogitsThatAreMaskedBefore) {
  constexpr int kVocabulary = 700;
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0, 3);
  const float kInfinity = std::numeric_limits<float>::infinity();
  int with_mask = 0, without_mask = 0;
  for (int round = 0; round < 400; ++round) {
    SamplerOptions options;
    options.seed = random();
    options.temperature = round % 4 == 0 ? 0 : 0.5f + static_cast<float>(round % 3);
    constexpr int64_t kTopK[] = {0, 1, 5, 40, 300, 5000};
    options.top_k = kTopK[random() % std::size(kTopK)];
    if (round % 3 == 1) options.top_p = 0.8f;
    if (round % 5 == 1) options.min_p = 0.05f;
    if (round % 2 == 1) options.repetition_penalty = 1.3f;
    if (round % 7 == 1) options.presence_penalty = 0.5f;
    options.logit_bias = {{3, 5.0f}, {650, -100.0f}};
    auto filtered = Sampler::Create(options, kVocabulary);
    auto masked = Sampler::Create(options, kVocabulary);
    SamplerScratch scratch, other_scratch;
    for (int step = 0; step < 12; ++step) {
      std::vector<float> logits(kVocabulary);
      for (float& x : logits) {
        x = normal(random);
        // Equal ones, some that must not come, and some that are not worth a weight.
        if (round % 3 == 0) x = std::round(x);
        if (random() % 50 == 0) x = -kInfinity;
      }
      const unsigned share = 1u << (random() % 9);  // from all tokens to one in 256
      std::vector<bool> allowed(kVocabulary);
      for (size_t i = 0; i < allowed.size(); ++i) allowed[i] = random() % share == 0;
      allowed[7] = allowed[3] = true;
      logits[7] = 0;
      std::vector<float> masked_logits = logits;
      for (size_t i = 0; i < allowed.size(); ++i) {
        if (!allowed[i]) masked_logits[i] = -kInfinity;
      }
      SomeTokens filter(allowed);
      const auto token = filtered->Sample(logits, &scratch, &filter);
      const auto expected = masked->Sample(masked_logits, &other_scratch);
      ASSERT_TRUE(token.ok() && expected.ok()) << token.status() << expected.status();
      ASSERT_EQ(*token, *expected) << "round " << round << ", step " << step;
      (filter.masks > 0 ? with_mask : without_mask) += 1;
    }
  }
  EXPECT_GT(with_mask, 500);
  EXPECT_GT(without_mask, 500);
}

TEST(FilteredSamplerTest, ALikelyTokenThatIsAllowedCostsOneQuestion) {
  std::vector<float> logits(1000, 0.0f);
  logits[500] = 4;
  SomeTokens filter(std::vector<bool>(1000, true));
  SamplerOptions options;
  options.temperature = 0;
  SamplerScratch scratch;
  EXPECT_EQ(*Sampler::Create(options, 1000)->Sample(logits, &scratch, &filter), 500);
  EXPECT_EQ(filter.asked, 1);
  EXPECT_EQ(filter.masks, 0);
}

TEST(FilteredSamplerTest, TheOnlyTokenTakesNoRandomNumber) {
  const std::vector<float> logits(64, 0.0f);
  SamplerOptions options;
  options.seed = 5;
  auto forced_first = Sampler::Create(options, 64);
  auto plain = Sampler::Create(options, 64);
  SamplerScratch scratch;
  std::vector<bool> one(64);
  one[9] = true;
  SomeTokens only(one);
  EXPECT_EQ(*forced_first->Sample(logits, &scratch, &only), 9);
  EXPECT_EQ(only.masks + only.asked, 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(*forced_first->Sample(logits, &scratch), *plain->Sample(logits, &scratch));
  }
}

TEST(FilteredSamplerTest, NoFiniteLogitOfAnAllowedTokenIsAnError) {
  std::vector<float> logits(64, 1.0f);
  std::vector<bool> two(64);
  two[9] = two[10] = true;
  logits[9] = logits[10] = -std::numeric_limits<float>::infinity();
  for (const int64_t top_k : {0, 3}) {
    for (const float temperature : {0.0f, 1.0f}) {
      SamplerOptions options;
      options.top_k = top_k;
      options.temperature = temperature;
      SomeTokens filter(two);
      SamplerScratch scratch;
      EXPECT_EQ(Sampler::Create(options, 64)->Sample(logits, &scratch, &filter).status().code(),
                absl::StatusCode::kInternal);
    }
  }
}

TEST(SamplerBiasTest, IsAddedToTheLogitBeforeAllElse) {
  SamplerOptions options;
  options.temperature = 0;
  options.repetition_penalty = 2;
  options.logit_bias = {{1, 3.0f}};
  auto sampler = Sampler::Create(options, 3);
  SamplerScratch scratch;
  ASSERT_TRUE(sampler->AddPrompt({1}).ok());
  // -1 + 3 is positive, so the penalty divides it: 1. Biased behind the penalty it would be -2 + 3.
  EXPECT_EQ(*sampler->Sample({1.5f, -1.0f, 0.0f}, &scratch), 0);
  EXPECT_EQ(*sampler->Sample({0.9f, -1.0f, 0.0f}, &scratch), 1);
}

TEST(SamplerBiasTest, ABiasOutOfItsRangeOrOfNoTokenIsRefused) {
  const auto status_of = [](std::vector<TokenBias> bias) {
    SamplerOptions options;
    options.logit_bias = std::move(bias);
    return std::string(Sampler::Create(options, 10).status().message());
  };
  EXPECT_EQ(status_of({{3, 100.0f}, {4, -100.0f}}), "");
  EXPECT_THAT(status_of({{3, 101.0f}}), testing::HasSubstr("logit_bias must be in [-100, 100]"));
  EXPECT_THAT(status_of({{3, std::nanf("")}}), testing::HasSubstr("logit_bias must be in"));
  EXPECT_THAT(status_of({{10, 1.0f}}), testing::HasSubstr("token 10, the vocabulary has 0 to 9"));
  EXPECT_THAT(status_of({{-1, 1.0f}}), testing::HasSubstr("token -1"));
  EXPECT_THAT(status_of({{2, 1.0f}, {2, 1.0f}}), testing::HasSubstr("token 2 twice"));
}

}  // namespace
}  // namespace lluda::engine
