// A model of four tokens, whose logits the tests write themselves.
#include "engine/generate/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kVocabulary = 4;
constexpr int64_t kContext = 6;
const SequenceModel kModel = {nullptr, kVocabulary, kContext};

GenerateOptions Greedy(int64_t max_new_tokens) {
  GenerateOptions options;
  options.max_new_tokens = max_new_tokens;
  options.sampler.temperature = 0;
  return options;
}

std::unique_ptr<Sequence> Make(const std::vector<int32_t>& prompt, const GenerateOptions& options) {
  absl::StatusOr<std::unique_ptr<Sequence>> sequence = Sequence::Create(kModel, prompt, options);
  EXPECT_TRUE(sequence.ok()) << sequence.status();
  return *std::move(sequence);
}

// Computes what waits, and lets `token` come next.
void Give(Sequence* sequence, int32_t token) {
  sequence->MarkComputed(static_cast<int64_t>(sequence->waiting().size()));
  std::vector<float> logits(kVocabulary, 0.0f);
  logits[token] = 1.0f;
  SamplerScratch scratch;
  sequence->Feed(logits, &scratch);
}

Generation Result(Sequence* sequence) {
  absl::StatusOr<Generation> result = sequence->TakeResult();
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : Generation();
}

TEST(SequenceTest, TheWholePromptWaitsAndThenOneTokenAtATime) {
  auto sequence = Make({0, 1, 2}, Greedy(2));
  EXPECT_THAT(sequence->waiting(), ElementsAre(0, 1, 2));
  EXPECT_FALSE(sequence->decoding());
  Give(sequence.get(), 3);
  EXPECT_THAT(sequence->waiting(), ElementsAre(3));
  EXPECT_TRUE(sequence->decoding());
  EXPECT_FALSE(sequence->CheckFinished());
  Give(sequence.get(), 1);
  EXPECT_TRUE(sequence->CheckFinished());
  const Generation result = Result(sequence.get());
  EXPECT_THAT(result.tokens, ElementsAre(3, 1));
  EXPECT_EQ(result.finish, FinishReason::kLength);
  EXPECT_EQ(result.prompt_tokens, 3);
  EXPECT_EQ(result.decode_steps, 1);
}

// Logits after which these tokens come.
std::vector<float> LogitsOf(const std::vector<int32_t>& tokens) {
  std::vector<float> logits(tokens.size() * kVocabulary, 0.0f);
  for (size_t i = 0; i < tokens.size(); ++i) logits[i * kVocabulary + tokens[i]] = 1.0f;
  return logits;
}

// A sequence that guesses and has written `token`; steps of any length take as long as others.
std::unique_ptr<Sequence> MakeGuessing(const std::vector<int32_t>& prompt, int32_t token,
                                       int64_t max_new_tokens) {
  GenerateOptions options = Greedy(max_new_tokens);
  options.speculate = Speculate::kPrompt;
  const SequenceModel model = {nullptr, kVocabulary, /*context=*/20};
  auto sequence = Sequence::Create(model, prompt, options);
  EXPECT_TRUE(sequence.ok()) << sequence.status();
  Give(sequence->get(), token);
  return *std::move(sequence);
}

DraftTimes EqualTimes() {
  DraftTimes times;
  for (int64_t tokens = 1; tokens <= kMaxDraft + 1; ++tokens) times.Note(tokens, 1);
  return times;
}

TEST(SequenceTest, GuessesAreKeptAsFarAsTheyAreWhatIsDrawn) {
  const auto sequence = MakeGuessing({0, 1, 2, 3, 1, 0, 1}, 2, 10);
  SamplerScratch scratch;
  std::vector<float> firsts;
  EXPECT_THAT(sequence->Draft(EqualTimes(), 4), ElementsAre(2, 3, 1, 0));
  sequence->MarkComputed(1);
  // 3 and 1 come true, 0 does not: after 1 comes 2.
  EXPECT_EQ(sequence->FeedDraft(LogitsOf({3, 1, 2, 0}), &scratch,
                                [&](absl::Span<const float> row) { firsts.push_back(row[0]); }),
            3);
  EXPECT_EQ(firsts.size(), 3u);
  EXPECT_THAT(sequence->tokens().subspan(7), ElementsAre(2, 3, 1, 2));
  EXPECT_THAT(sequence->waiting(), ElementsAre(2));
  // Nothing follows 3 1 2: it is new.
  EXPECT_THAT(sequence->Draft(EqualTimes(), 4), ElementsAre(2));
  sequence->MarkComputed(1);
  EXPECT_EQ(sequence->FeedDraft(LogitsOf({3}), &scratch, nullptr), 1);
  sequence->Cancel();
  const Generation result = Result(sequence.get());
  EXPECT_THAT(result.tokens, ElementsAre(2, 3, 1, 2, 3));
  EXPECT_EQ(result.decode_steps, 2);
  EXPECT_EQ(result.guessed_tokens, 3);
  EXPECT_EQ(result.accepted_tokens, 2);
}

TEST(SequenceTest, GuessesEndWhereTheTextDoes) {
  // Two more tokens are wanted: one guess may come true, and its logits give the other.
  const auto sequence = MakeGuessing({0, 1, 2, 3, 1, 0, 1}, 2, 3);
  SamplerScratch scratch;
  EXPECT_THAT(sequence->Draft(EqualTimes(), 8), ElementsAre(2, 3));
  sequence->MarkComputed(1);
  EXPECT_EQ(sequence->FeedDraft(LogitsOf({3, 1}), &scratch, nullptr), 2);
  EXPECT_TRUE(sequence->CheckFinished());
  EXPECT_THAT(Result(sequence.get()).tokens, ElementsAre(2, 3, 1));
}

TEST(SequenceTest, APromptMayBeComputedInPieces) {
  auto sequence = Make({0, 1, 2}, Greedy(1));
  sequence->MarkComputed(2);
  EXPECT_THAT(sequence->waiting(), ElementsAre(2));
  EXPECT_FALSE(sequence->decoding());
}

TEST(SequenceTest, WhatTheCacheHoldsDoesNotWait) {
  auto sequence = Make({0, 1, 2}, Greedy(1));
  sequence->Reuse(2);
  EXPECT_THAT(sequence->waiting(), ElementsAre(2));
  Give(sequence.get(), 3);
  EXPECT_TRUE(sequence->CheckFinished());
  EXPECT_EQ(Result(sequence.get()).reused_tokens, 2);
}

TEST(SequenceTest, AStopTokenEndsItAndIsNoneOfItsTokens) {
  GenerateOptions options = Greedy(9);
  options.stop_tokens = {2};
  auto sequence = Make({0}, options);
  Give(sequence.get(), 1);
  Give(sequence.get(), 2);
  ASSERT_TRUE(sequence->finished());
  const Generation result = Result(sequence.get());
  EXPECT_THAT(result.tokens, ElementsAre(1));
  EXPECT_EQ(result.finish, FinishReason::kStop);
}

TEST(SequenceTest, AFullContextEndsItWithItsLastToken) {
  auto sequence = Make({0, 1, 2, 3}, Greedy(9));
  for (const int32_t token : {0, 1}) {
    EXPECT_FALSE(sequence->CheckFinished());
    Give(sequence.get(), token);
  }
  EXPECT_FALSE(sequence->CheckFinished());
  Give(sequence.get(), 2);  // computes the sixth token, the last that the cache can hold
  EXPECT_TRUE(sequence->CheckFinished());
  const Generation result = Result(sequence.get());
  EXPECT_EQ(result.finish, FinishReason::kContext);
  EXPECT_THAT(result.tokens, ElementsAre(0, 1, 2));
}

TEST(SequenceTest, TheCancelFlagEndsItBeforeItIsComputed) {
  std::atomic<bool> cancel{false};
  GenerateOptions options = Greedy(9);
  options.cancel = &cancel;
  auto sequence = Make({0}, options);
  EXPECT_FALSE(sequence->CheckFinished());
  cancel = true;
  EXPECT_TRUE(sequence->cancelled());
  EXPECT_TRUE(sequence->CheckFinished());
  EXPECT_EQ(Result(sequence.get()).finish, FinishReason::kCancelled);
}

TEST(SequenceTest, NoTokensAreWantedNoneIsComputed) {
  auto sequence = Make({0}, Greedy(0));
  EXPECT_TRUE(sequence->CheckFinished());
  EXPECT_EQ(Result(sequence.get()).finish, FinishReason::kLength);
}

TEST(SequenceTest, LogitsThatAreNotFiniteFinishItWithAnError) {
  auto sequence = Make({0}, Greedy(9));
  sequence->MarkComputed(1);
  SamplerScratch scratch;
  sequence->Feed({0.0f, std::numeric_limits<float>::quiet_NaN(), 0.0f, 0.0f}, &scratch);
  EXPECT_TRUE(sequence->CheckFinished());
  EXPECT_EQ(sequence->TakeResult().status().code(), absl::StatusCode::kInternal);
}

TEST(SequenceTest, BadPromptsAndOptionsAreRefused) {
  const auto error = [](const std::vector<int32_t>& prompt, const GenerateOptions& options) {
    return std::string(Sequence::Create(kModel, prompt, options).status().message());
  };
  EXPECT_EQ(error({}, Greedy(1)), "the prompt is empty");
  EXPECT_EQ(error({0, 1, 2, 3, 0, 1, 2}, Greedy(1)),
            "the prompt has 7 tokens, the context holds 6");
  EXPECT_EQ(error({0, 4}, Greedy(1)), "the prompt has token 4, the model knows 0 to 3");
  EXPECT_EQ(error({0}, Greedy(-1)), "max_new_tokens must be at least 0, is -1");
  GenerateOptions text = Greedy(1);
  text.on_text = [](absl::string_view) { return true; };
  EXPECT_THAT(error({0}, text), HasSubstr("there is no text"));
}

// "<s>" and words that are written with the space before them, as SentencePiece has them.
constexpr char kWords[] = R"({
  "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
  "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"},
  "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"},
  "model": {"type": "BPE", "vocab": {"<s>": 0, "\u2581a": 1, "\u2581b": 2, "c": 3}, "merges": []}
})";

TEST(SequenceTest, ATextThatGoesOnKeepsItsFirstSpaceAndAnAnswerDoesNot) {
  const auto tokenizer = tokenizer::Tokenizer::FromJson(kWords, "words");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto text = [&](const std::vector<int32_t>& prompt, bool continues) {
    GenerateOptions options = Greedy(2);
    options.continues = continues;
    auto sequence = Sequence::Create({&*tokenizer, kVocabulary, kContext}, prompt, options);
    EXPECT_TRUE(sequence.ok()) << sequence.status();
    for (const int32_t token : {1, 2}) Give(sequence->get(), token);
    EXPECT_TRUE((*sequence)->CheckFinished());
    return (*sequence)->TakeResult()->text;
  };
  EXPECT_EQ(text({0, 1}, true), " a b");
  EXPECT_EQ(text({0, 1}, false), "a b");
  EXPECT_EQ(text({0}, true), "a b") << "there is nothing to go on from";
}

}  // namespace
}  // namespace lluda::engine
