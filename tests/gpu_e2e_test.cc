// Whole models on a simulated GPU: their logits and tokens against what transformers computed in
// float32, and against themselves in other steps and beside another sequence.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"
#include "runtime/session/session.h"
#include "tests/support/real_model.h"
#include "tools/validate/compare.h"
#include "tools/validate/reference.h"

namespace lluda::tests {
namespace {

using engine::KvCache;
using engine::Precision;
using Param = std::tuple<std::string, Numbers>;

// Tokens of each text that are compared; a simulated GPU is slow.
constexpr int64_t kGreedySteps = 4;

class GpuEndToEndTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    const std::string folder = absl::StrCat("reference_data/", std::get<0>(GetParam()));
    auto prompts = tools::LoadReference(absl::StrCat(folder, "/reference.json"));
    ASSERT_TRUE(prompts.ok()) << prompts.status();
    prompts_ = *std::move(prompts);
    engine::LoadOptions options;
    options.folder = folder;
    options.device = engine::Device::kSimulatedGpu;
    std::tie(options.module.precision, options.module.kv_cache) = std::get<1>(GetParam());
    options.threads = 2;
    options.need_tokenizer = false;
    auto model = engine::Model::Load(options);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  static bool HasInt8() { return std::get<1>(GetParam()).second == KvCache::kInt8; }
  static double DecidedMargin() {
    return HasInt8() ? tools::kInt8DecidedMargin : tools::kDecidedMargin;
  }

  std::unique_ptr<runtime::Session> Open(int slots) {
    auto session = runtime::Session::Create(model_->executable(), {slots});
    EXPECT_TRUE(session.ok()) << session.status();
    return *std::move(session);
  }

  std::vector<tools::ReferencePrompt> prompts_;
  std::unique_ptr<engine::Model> model_;
};

TEST_P(GpuEndToEndTest, LogitsAreWithinTheBandOfTransformersAndDecidedTokensAreTheSame) {
  const bool bf16 = std::get<1>(GetParam()).first == Precision::kBF16;
  auto session = engine::Session::Create(model_.get(), {});
  ASSERT_TRUE(session.ok()) << session.status();
  int64_t compared = 0;
  for (size_t i = 0; i < prompts_.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("prompt ", i));
    const tools::ReferencePrompt& prompt = prompts_[i];
    auto logits = (*session)->Evaluate(prompt.ids);
    ASSERT_TRUE(logits.ok()) << logits.status();
    const tools::LogitsDistance distance = tools::Compare(*logits, prompt.logits);
    ASSERT_TRUE(prompt.hf_bf16_mse.has_value());
    // As on the CPU: e2e_test.cc.
    const double half_of_hf = *prompt.hf_bf16_mse / 2 / distance.mean_square;
    const double of_cache = HasInt8() ? 1e-3 : 0;
    EXPECT_LT(distance.nmse, of_cache + (bf16 ? std::min(1.2e-4, half_of_hf) : 1e-9));
    EXPECT_GT(distance.nmse, 0);
    std::vector<int32_t> tokens = prompt.ids;
    const int64_t steps = tools::DecidedSteps(prompt.greedy_margin, kGreedySteps, DecidedMargin());
    for (int64_t step = 0; step < steps; ++step) {
      logits = (*session)->Evaluate(tokens);
      ASSERT_TRUE(logits.ok()) << logits.status();
      ASSERT_EQ(tools::ArgMax(*logits), prompt.greedy[static_cast<size_t>(step)]) << step;
      tokens.push_back(tools::ArgMax(*logits));
      ++compared;
    }
  }
  EXPECT_GT(compared, 3);
}

// To the bit: a token's numbers depend on the token's sequence alone.
TEST_P(GpuEndToEndTest, StepsAndNeighboursDoNotShow) {
  const std::vector<int32_t>& prompt = prompts_[0].ids;
  const std::vector<int32_t> other(prompt.rbegin(), prompt.rend());
  const auto alone = Open(1);
  const auto whole = alone->Evaluate(prompt);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const std::vector<float> expected(whole->begin(), whole->end());
  auto session = Open(2);
  std::vector<float> both;
  for (size_t at = 0; at < prompt.size(); at += 3) {
    const runtime::Chunk chunks[] = {{0, absl::MakeConstSpan(other).subspan(at, 3)},
                                     {1, absl::MakeConstSpan(prompt).subspan(at, 3)}};
    const auto logits = session->Step(chunks);
    ASSERT_TRUE(logits.ok()) << logits.status();
    both.assign(logits->begin(), logits->end());
  }
  ASSERT_EQ(both.size(), 2 * expected.size());
  EXPECT_EQ(
      std::memcmp(both.data() + expected.size(), expected.data(), expected.size() * sizeof(float)),
      0);
}

// A step of many tokens runs other kernels than one of few: products in tiles, attention of many rows.
TEST_P(GpuEndToEndTest, AStepOfManyTokensGivesTheBitsOfManySteps) {
  constexpr size_t kTokens = 80;
  std::vector<int32_t> tokens;
  while (tokens.size() < kTokens) {
    const auto& ids = prompts_[tokens.size() % prompts_.size()].ids;
    tokens.insert(tokens.end(), ids.begin(), ids.end());
  }
  tokens.resize(kTokens);
  const auto at_once = Open(1);
  const auto whole = at_once->Evaluate(tokens);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto in_steps = Open(1);
  std::vector<float> last;
  for (size_t at = 0; at < kTokens; at += 40) {
    const auto logits = in_steps->Evaluate(absl::MakeConstSpan(tokens).subspan(at, 40));
    ASSERT_TRUE(logits.ok()) << logits.status();
    last.assign(logits->begin(), logits->end());
  }
  ASSERT_EQ(last.size(), whole->size());
  EXPECT_EQ(std::memcmp(last.data(), whole->data(), last.size() * sizeof(float)), 0);
}

INSTANTIATE_TEST_SUITE_P(Tiny, GpuEndToEndTest,
                         testing::Combine(testing::Values("tiny"), testing::ValuesIn(kAllNumbers)),
                         [](const auto& info) {
                           return absl::StrCat("tiny_", NameOf(std::get<1>(info.param)));
                         });
INSTANTIATE_TEST_SUITE_P(Stories, GpuEndToEndTest,
                         testing::Combine(testing::Values("stories"),
                                          testing::Values(kAllNumbers[0])),
                         [](const auto& info) {
                           return absl::StrCat("stories_", NameOf(std::get<1>(info.param)));
                         });

}  // namespace
}  // namespace lluda::tests
