// A head read in part gives the logits of the whole one, to the bit, where they are among the largest,
// and so the same texts: for each instruction set this CPU can run.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "codegen/llvm/target.h"
#include "engine/model.h"
#include "engine/session.h"
#include "gtest/gtest.h"
#include "runtime/session/session.h"

namespace lluda::tests {
namespace {

// In the tokens of reference_data/stories.
constexpr int32_t kOnceUponATime[] = {454, 483, 258, 415};

constexpr float kHidden = -std::numeric_limits<float>::infinity();

std::unique_ptr<engine::Model> Load(const std::string& folder, bool partial_head,
                                    const std::string& isa = "host",
                                    engine::Precision precision = engine::Precision::kBF16) {
  engine::LoadOptions options;
  options.folder = folder;
  options.module.partial_head = partial_head;
  options.module.precision = precision;
  options.isa = isa;
  options.threads = 2;
  auto model = engine::Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : nullptr;
}

// The row with -inf for all that is less than the n-th largest.
std::vector<float> Largest(absl::Span<const float> row, int64_t n) {
  std::vector<float> sorted(row.begin(), row.end());
  std::nth_element(sorted.begin(), sorted.begin() + (n - 1), sorted.end(), std::greater<float>());
  std::vector<float> kept(row.begin(), row.end());
  for (float& logit : kept) {
    if (logit < sorted[static_cast<size_t>(n - 1)]) logit = kHidden;
  }
  return kept;
}

std::vector<int32_t> Tokens(int64_t count, int64_t vocabulary) {
  std::vector<int32_t> tokens;
  uint32_t state = 2463534242u;
  for (int64_t i = 0; i < count; ++i) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;  // Marsaglia's xorshift32
    tokens.push_back(static_cast<int32_t>(state % vocabulary));
  }
  return tokens;
}

class PartialHeadTest : public testing::TestWithParam<std::string> {};

TEST_P(PartialHeadTest, TheLargestLogitsHaveTheBitsOfTheWholeHead) {
  for (const auto precision : {engine::Precision::kBF16, engine::Precision::kF32}) {
    const auto model = Load("reference_data/stories", true, GetParam(), precision);
    ASSERT_NE(model, nullptr);
    runtime::SessionOptions options;
    options.slots = 3;
    options.context = 128;
    auto session = runtime::Session::Create(model->executable(), options);
    ASSERT_TRUE(session.ok()) << session.status();
    const std::vector<int32_t> tokens = Tokens(40, (*session)->vocabulary());
    const auto width = static_cast<size_t>((*session)->width());
    const auto all = absl::MakeConstSpan(tokens);
    const auto run = [&](int slot, int64_t wanted, int64_t kept) {
      (*session)->Truncate(slot, 0);
      const runtime::Chunk chunk{slot, all, wanted, {}, kept};
      const auto logits = (*session)->Evaluate(absl::MakeConstSpan(&chunk, 1));
      EXPECT_TRUE(logits.ok()) << logits.status();
      return std::vector<float>(logits->begin(), logits->end());
    };
    const std::vector<float> whole = run(0, 16, 0);
    const int64_t rows = model->executable()->computed_columns();
    EXPECT_EQ(rows, 0);
    for (const int64_t kept : {1, 2, 40, 1024}) {
      // One row, several, and as many as take more than one step.
      for (const int64_t wanted : {1, 5, 16}) {
        const std::vector<float> part = run(1, wanted, kept);
        ASSERT_EQ(part.size(), static_cast<size_t>(wanted) * width);
        for (size_t row = 0; row < static_cast<size_t>(wanted); ++row) {
          const auto expected =
              absl::MakeConstSpan(whole).subspan(whole.size() - part.size() + row * width, width);
          EXPECT_TRUE(absl::c_equal(Largest(expected, kept),
                                    absl::MakeConstSpan(part).subspan(row * width, width)))
              << kept << " of row " << row << " of " << wanted;
        }
      }
    }
    // Beside a sequence that wants all of its logits, and one that wants others.
    (*session)->Truncate(0, 0);
    (*session)->Truncate(1, 0);
    const runtime::Chunk mixed[] = {{0, all, 1, {}, 2}, {1, all.first(7), 1, {}, 0}};
    const auto both = (*session)->Evaluate(mixed);
    ASSERT_TRUE(both.ok()) << both.status();
    EXPECT_TRUE(absl::c_equal(both->first(width), absl::MakeConstSpan(whole).last(width)));
    (*session)->Truncate(0, 0);
    (*session)->Truncate(1, 0);
    const runtime::Chunk parts[] = {{0, all, 1, {}, 2}, {1, all.first(7), 1, {}, 3}};
    const auto beside = (*session)->Evaluate(parts);
    ASSERT_TRUE(beside.ok()) << beside.status();
    EXPECT_TRUE(
        absl::c_equal(beside->first(width), Largest(absl::MakeConstSpan(whole).last(width), 2)));
  }
}

TEST_P(PartialHeadTest, FewRowsOfTheHeadAreComputed) {
  const auto model = Load("reference_data/stories", true, GetParam());
  ASSERT_NE(model, nullptr);
  auto session = runtime::Session::Create(model->executable(), {});
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<int32_t> tokens = Tokens(20, (*session)->vocabulary());
  const runtime::Chunk chunk{0, tokens, 1, {}, 1};
  ASSERT_TRUE((*session)->Evaluate(absl::MakeConstSpan(&chunk, 1)).ok());
  EXPECT_GT(model->executable()->computed_columns(), 0);
  EXPECT_LT(model->executable()->computed_columns(), (*session)->vocabulary() / 4);
}

std::vector<std::string> Isas() {
  std::vector<std::string> names;
  for (const codegen::Isa isa : codegen::AllIsas()) {
    if (codegen::Target::Named(codegen::IsaName(isa)).ok())
      names.emplace_back(codegen::IsaName(isa));
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Isas, PartialHeadTest, testing::ValuesIn(Isas()),
                         [](const auto& info) { return info.param; });

std::vector<int32_t> Generate(engine::Model* model, int64_t tokens,
                              const engine::SamplerOptions& sampler,
                              engine::Speculate speculate = engine::Speculate::kOff,
                              int64_t* head_rows = nullptr) {
  engine::SessionOptions options;
  options.context = 512;
  auto session = engine::Session::Create(model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  engine::GenerateOptions generate;
  generate.max_new_tokens = tokens;
  generate.sampler = sampler;
  generate.speculate = speculate;
  auto generation = (*session)->Generate(kOnceUponATime, generate);
  EXPECT_TRUE(generation.ok()) << generation.status();
  if (head_rows != nullptr) *head_rows = generation->head_rows;
  return generation->tokens;
}

// 25 texts of 400 tokens, each drawn or chosen in its own way.
TEST(PartialHeadTexts, TenThousandTokensOfStoriesAreTheSame) {
  const auto whole = Load("reference_data/stories", false);
  const auto part = Load("reference_data/stories", true);
  ASSERT_TRUE(whole != nullptr && part != nullptr);
  int64_t tokens = 0;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    engine::SamplerOptions sampler;
    sampler.seed = seed;
    sampler.temperature = seed == 0 ? 0 : 0.6f + 0.05f * static_cast<float>(seed % 10);
    sampler.top_k = std::vector<int64_t>{1, 2, 40, 200}[seed % 4];
    if (seed % 5 == 3) sampler.top_p = 0.9f;
    if (seed % 5 == 4) sampler.min_p = 0.05f;
    int64_t head_rows = 0;
    const auto speculate = seed % 2 == 0 ? engine::Speculate::kOff : engine::Speculate::kPrompt;
    const std::vector<int32_t> expected = Generate(whole.get(), 400, sampler);
    EXPECT_EQ(Generate(part.get(), 400, sampler, speculate, &head_rows), expected) << seed;
    EXPECT_GT(head_rows, 0) << seed;
    tokens += static_cast<int64_t>(expected.size());
  }
  EXPECT_GE(tokens, 10000);
}

TEST(PartialHeadTexts, WhoNeedsAllLogitsHasThem) {
  const auto whole = Load("reference_data/stories", false);
  const auto part = Load("reference_data/stories", true);
  ASSERT_TRUE(whole != nullptr && part != nullptr);
  std::vector<engine::SamplerOptions> samplers(4);
  samplers[1].temperature = 0;
  samplers[1].repetition_penalty = 1.3f;
  samplers[2].top_k = 3;
  samplers[2].logit_bias = {{5, 2.0f}};
  samplers[3].top_p = 0.8f;
  for (const engine::SamplerOptions& sampler : samplers) {
    int64_t head_rows = 0;
    const auto expected = Generate(whole.get(), 40, sampler);
    EXPECT_EQ(Generate(part.get(), 40, sampler, engine::Speculate::kOff, &head_rows), expected);
    EXPECT_EQ(head_rows, 0);
  }
}

TEST(PartialHeadTexts, AHeadInBlocksIsRefused) {
  engine::LoadOptions options;
  options.folder = "reference_data/stories";
  options.module.partial_head = true;
  options.module.weights = ir::DType::kQ8_0;
  EXPECT_EQ(engine::Model::Load(options).status().message(),
            "the model's head cannot be read in part: its head is in blocks already");
}

}  // namespace
}  // namespace lluda::tests
