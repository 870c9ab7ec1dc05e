// The public API, compiled code and all, against what transformers computed in float32: the stories
// model and the seeded tiny one, in both precisions.
#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"
#include "tests/support/real_model.h"
#include "tools/validate/compare.h"
#include "tools/validate/reference.h"

namespace lluda::tests {
namespace {

using engine::KvCache;
using engine::Precision;
using Param = std::tuple<std::string, Numbers>;

class EndToEndTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    const std::string folder = absl::StrCat("reference_data/", std::get<0>(GetParam()));
    auto prompts = tools::LoadReference(absl::StrCat(folder, "/reference.json"));
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    prompts_ = *std::move(prompts);
    engine::LoadOptions options;
    options.folder = folder;
    std::tie(options.module.precision, options.module.kv_cache) = std::get<1>(GetParam());
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto session = engine::Session::Create(model_.get(), {});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  static bool HasInt8() { return std::get<1>(GetParam()).second == KvCache::kInt8; }
  static double DecidedMargin() {
    return HasInt8() ? tools::kInt8DecidedMargin : tools::kDecidedMargin;
  }

  std::vector<tools::ReferencePrompt> prompts_;
  std::unique_ptr<engine::Model> model_;
  std::unique_ptr<engine::Session> session_;
};

TEST_P(EndToEndTest, LogitsAreWithinTheBandOfTransformers) {
  const bool bf16 = std::get<1>(GetParam()).first == Precision::kBF16;
  ASSERT_FALSE(prompts_.empty());
  for (size_t i = 0; i < prompts_.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("prompt ", i));
    const tools::ReferencePrompt& prompt = prompts_[i];
    const auto logits = session_->Evaluate(prompt.ids);
    ASSERT_TRUE(logits.ok()) << logits.status();
    ASSERT_EQ(logits->size(), prompt.logits.size());
    const tools::LogitsDistance distance = tools::Compare(*logits, prompt.logits);
    if (tools::DecidedSteps(prompt.greedy_margin, 1, DecidedMargin()) > 0 || !HasInt8()) {
      EXPECT_EQ(tools::ArgMax(*logits), prompt.next);
    }
    // Half of what transformers' own bf16 is away from its float32, as a share of the logits.
    ASSERT_TRUE(prompt.hf_bf16_mse.has_value());
    const double half_of_hf = *prompt.hf_bf16_mse / 2 / distance.mean_square;
    const double of_cache = HasInt8() ? 1e-3 : 0;
    EXPECT_LT(distance.nmse, of_cache + (bf16 ? std::min(1.2e-4, half_of_hf) : 1e-9));
    EXPECT_GT(distance.nmse, 0) << "not even the order of a sum differs: is this our own output?";
    EXPECT_GT(distance.cosine, HasInt8() ? 0.9995 : 0.9999);
  }
}

// The reference goes on past the end-of-text token, and so does this.
TEST_P(EndToEndTest, GreedyTokensAreTransformersUntilAChoiceIsAToss) {
  int64_t compared = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const tools::ReferencePrompt& prompt = prompts_[i];
    const int64_t steps = tools::DecidedSteps(
        prompt.greedy_margin, static_cast<int64_t>(prompt.greedy.size()), DecidedMargin());
    std::vector<int32_t> tokens = prompt.ids;
    for (int64_t step = 0; step < steps; ++step) {
      const auto logits = session_->Evaluate(tokens);
      ASSERT_TRUE(logits.ok()) << logits.status();
      const int32_t token = tools::ArgMax(*logits);
      ASSERT_EQ(token, prompt.greedy[step]) << "prompt " << i << ", step " << step;
      tokens.push_back(token);
      ++compared;
    }
  }
  // 3 prompts of 32 steps for tiny, 5 of 96 for stories, less what follows a narrow margin.
  EXPECT_GT(compared, HasInt8() ? 20 : 60);
}

TEST_P(EndToEndTest, GenerateChoosesTheSameTokensAsEvaluate) {
  const tools::ReferencePrompt& prompt = prompts_.back();
  engine::GenerateOptions options;
  options.max_new_tokens = 12;
  options.sampler.temperature = 0;
  const auto generation = session_->Generate(prompt.ids, options);
  ASSERT_TRUE(generation.ok()) << generation.status();
  EXPECT_EQ(generation->tokens,
            std::vector<int32_t>(prompt.greedy.begin(), prompt.greedy.begin() + 12));
  EXPECT_EQ(generation->finish, engine::FinishReason::kLength);
}

INSTANTIATE_TEST_SUITE_P(References, EndToEndTest,
                         testing::Combine(testing::Values("stories", "tiny"),
                                          testing::ValuesIn(kAllNumbers)),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param), "_",
                                               NameOf(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace lluda::tests
