#include "engine/generate/sampling/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/counting_allocator.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// A sampler with scratch of its own.
class OneSampler {
 public:
  OneSampler(const SamplerOptions& options, int64_t vocab_size)
      : sampler_(Sampler::Create(options, vocab_size)) {
    EXPECT_TRUE(sampler_.ok()) << sampler_.status();
  }
  absl::Status AddPrompt(absl::Span<const int32_t> ids) { return sampler_->AddPrompt(ids); }
  absl::StatusOr<int32_t> Sample(absl::Span<const float> logits) {
    return sampler_->Sample(logits, &scratch_);
  }

 private:
  absl::StatusOr<Sampler> sampler_;
  SamplerScratch scratch_;
};

// How often each token comes in `draws` draws without history.
std::map<int32_t, int> Frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                   int draws) {
  SamplerOptions seeded = options;
  std::map<int32_t, int> count;
  for (int i = 0; i < draws; ++i) {
    seeded.seed = options.seed + static_cast<uint64_t>(i);
    OneSampler sampler(seeded, logits.size());
    const auto id = sampler.Sample(logits);
    EXPECT_TRUE(id.ok()) << id.status();
    if (!id.ok()) break;
    ++count[*id];
  }
  return count;
}

// The tokens that a filter leaves: every one of them has to come at least once.
std::vector<int32_t> Support(const SamplerOptions& options, const std::vector<float>& logits) {
  std::vector<int32_t> ids;
  for (const auto& [id, count] : Frequencies(options, logits, 8000)) ids.push_back(id);
  return ids;
}

std::vector<float> Logs(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

// Each frequency within four and a half standard deviations of the binomial distribution.
void ExpectDistribution(const std::map<int32_t, int>& count, const std::vector<double>& expected,
                        int draws) {
  for (size_t id = 0; id < expected.size(); ++id) {
    const double p = expected[id];
    const auto found = count.find(static_cast<int32_t>(id));
    const double seen = found == count.end() ? 0 : found->second;
    EXPECT_NEAR(seen, p * draws, 4.5 * std::sqrt(draws * p * (1 - p))) << "token " << id;
  }
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

TEST(SamplerTest, APenaltyThatOverflowsIsAnError) {
  SamplerOptions options;
  options.repetition_penalty = 1e-38f;
  OneSampler sampler(options, 2);
  ASSERT_TRUE(sampler.AddPrompt({1}).ok());
  EXPECT_EQ(sampler.Sample({1, 100}).status().message(), "the logit of token 1 is +inf");
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
