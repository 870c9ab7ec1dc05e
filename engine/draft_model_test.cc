#include "engine/draft_model.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/generate/draft/drafter.h"
#include "engine/stories_model.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

// Guesses one token, which no story has, whatever came before it.
class StubbornDrafter : public Drafter {
 public:
  void Begin(absl::Span<const int32_t> /*tokens*/) override {}
  void Add(int32_t /*token*/) override {}
  int64_t Most(int64_t limit) override { return std::min<int64_t>(limit, kGuesses.size()); }
  absl::Span<const int32_t> Guess(int64_t count) override {
    return absl::MakeConstSpan(kGuesses).first(count);
  }
  double Seconds(int64_t /*count*/) const override { return 0; }

 private:
  static constexpr std::array<int32_t, 3> kGuesses = {2, 2, 2};
};

class DraftModelTest : public StoriesTest<256> {
 protected:
  // The same model in other numbers: it guesses most tokens right, and not all.
  static std::unique_ptr<Model> Coarse() {
    LoadOptions options = StoriesOptions(256, 16);
    options.module.weights = ir::DType::kQ4_0;
    auto model = Model::Load(options);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }

  static GenerateOptions Greedy(int64_t tokens) {
    GenerateOptions options;
    options.max_new_tokens = tokens;
    options.sampler.temperature = 0;
    return options;
  }
};

TEST_F(DraftModelTest, TheTextIsThatOfTheModelAlone) {
  const std::unique_ptr<Model> coarse = Coarse();
  ASSERT_NE(coarse, nullptr);
  auto draft = DraftModel::Create(coarse.get(), *model_);
  ASSERT_TRUE(draft.ok()) << draft.status();
  const auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  int64_t guessed = 0;
  for (const char* text : kStoryPrompts) {
    const std::vector<int32_t> prompt = model_->tokenizer()->Encode(text);
    for (int kind = 0; kind < 6; ++kind) {
      GenerateOptions options = StoryOptions(*model_, kind);
      const Generation alone = Alone(prompt, options);
      options.speculate = Speculate::kDrafter;
      options.drafter = draft->get();
      const auto result = (*session)->Generate(prompt, options);
      ASSERT_TRUE(result.ok()) << result.status();
      ExpectSame(*result, alone);
      guessed += result->guessed_tokens;
    }
  }
  // How many is a matter of time.
  EXPECT_GT(guessed, 0);
}

TEST_F(DraftModelTest, ACoarserModelIsOftenRightAndGoesOnWhereItWasWrong) {
  const std::unique_ptr<Model> coarse = Coarse();
  ASSERT_NE(coarse, nullptr);
  auto draft = DraftModel::Create(coarse.get(), *model_);
  ASSERT_TRUE(draft.ok()) << draft.status();
  int64_t right = 0, wrong = 0;
  for (const char* text : kStoryPrompts) {
    const std::vector<int32_t> prompt = model_->tokenizer()->Encode(text);
    (*draft)->Begin(prompt);
    for (const int32_t token : Alone(prompt, Greedy(40)).tokens) {
      const absl::Span<const int32_t> guess = (*draft)->Guess(3);
      ASSERT_EQ(guess.size(), 3);
      (guess[0] == token ? right : wrong)++;
      (*draft)->Add(token);
    }
  }
  EXPECT_GT(right, 4 * wrong);
  EXPECT_GT(wrong, 0);
}

TEST_F(DraftModelTest, GuessesThatAreAlwaysWrongChangeNoToken) {
  StubbornDrafter drafter;
  const auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  const std::vector<int32_t> prompt = model_->tokenizer()->Encode(kStoryPrompts[0]);
  GenerateOptions options = Greedy(40);
  const Generation alone = Alone(prompt, options);
  options.speculate = Speculate::kDrafter;
  options.drafter = &drafter;
  const auto result = (*session)->Generate(prompt, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectSame(*result, alone);
  EXPECT_GT(result->guessed_tokens, 0);
  EXPECT_EQ(result->accepted_tokens, 0);
}

TEST_F(DraftModelTest, WhatItWouldWriteItselfComesTrue) {
  auto draft = DraftModel::Create(model_, *model_);
  ASSERT_TRUE(draft.ok()) << draft.status();
  const std::vector<int32_t> prompt = model_->tokenizer()->Encode(kStoryPrompts[0]);
  const std::vector<int32_t> text = Alone(prompt, Greedy(40)).tokens;
  (*draft)->Begin(prompt);
  for (size_t i = 0; i + 5 < text.size(); ++i) {
    const absl::Span<const int32_t> guess = (*draft)->Guess(5);
    EXPECT_EQ(std::vector<int32_t>(guess.begin(), guess.end()),
              std::vector<int32_t>(text.begin() + static_cast<int64_t>(i),
                                   text.begin() + static_cast<int64_t>(i) + 5));
    (*draft)->Add(text[i]);
  }
}

TEST_F(DraftModelTest, NoMoreIsGuessedThanItsContextHolds) {
  auto draft = DraftModel::Create(model_, *model_);
  ASSERT_TRUE(draft.ok()) << draft.status();
  (*draft)->Begin(std::vector<int32_t>(250, 300));
  EXPECT_EQ((*draft)->Most(7), 6);
  EXPECT_EQ((*draft)->Most(3), 3);
  (*draft)->Begin(std::vector<int32_t>(300, 300));
  EXPECT_EQ((*draft)->Most(7), 0);
}

TEST_F(DraftModelTest, AnotherTokenizerIsRefusedByName) {
  LoadOptions options;
  options.folder = "reference_data/tiny";
  options.need_tokenizer = false;
  options.threads = 1;
  const auto tiny = Model::Load(options);
  ASSERT_TRUE(tiny.ok()) << tiny.status();
  EXPECT_EQ(
      DraftModel::Create(tiny->get(), *model_).status(),
      absl::InvalidArgumentError(
          "the tokenizers of reference_data/tiny and reference_data/stories differ: one cannot "
          "guess for the other"));
}

}  // namespace
}  // namespace lluda::engine
