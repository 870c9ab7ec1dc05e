#include "engine/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

std::unique_ptr<Model> LoadStories(int threads, int64_t max_step = 512, int64_t context = 256) {
  LoadOptions options = StoriesOptions(context, max_step);
  options.threads = threads;
  absl::StatusOr<std::unique_ptr<Model>> model = Model::Load(options);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::unique_ptr<Session> Open(Model* model, const SessionOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Session>> session = Session::Create(model, options);
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

class SessionTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = LoadStories(2).release(); }
  static void TearDownTestSuite() { delete model_; }

  static std::vector<int32_t> Ids(absl::string_view text) {
    return model_->tokenizer()->Encode(std::string(text));
  }

  static GenerateOptions Greedy(int64_t max_new_tokens) {
    GenerateOptions options;
    options.max_new_tokens = max_new_tokens;
    options.sampler.temperature = 0;
    options.stop_tokens = model_->StopTokens();
    return options;
  }

  static std::vector<float> Logits(Session* session, absl::Span<const int32_t> tokens) {
    absl::StatusOr<absl::Span<const float>> logits = session->Evaluate(tokens);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return {logits->begin(), logits->end()};
  }

  static Model* model_;
};

Model* SessionTest::model_ = nullptr;

TEST_F(SessionTest, GreedyTextIsThatOfTransformers) {
  auto session = Open(model_);
  // reference_data/stories/reference.json, prompt 0: its margins are wide.
  const auto result = session->Generate(Ids("Once upon a time"), Greedy(8));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->tokens, ElementsAreArray({11, 398, 281, 258, 395, 476, 459, 470}));
  EXPECT_EQ(result->text, ", there was a little girl named Lily");
  EXPECT_EQ(result->finish, FinishReason::kLength);
  EXPECT_EQ(result->prompt_tokens, 4);
}

TEST_F(SessionTest, TheCallbackSeesTheTextPieceByPiece) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(8);
  std::vector<std::string> pieces;
  options.on_text = [&](absl::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  };
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(pieces, testing::ElementsAre(",", " there", " was", " a", " little", " girl",
                                           " named", " Lily"));
}

TEST_F(SessionTest, AStopTokenEndsTheTextAndIsNotPartOfIt) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(50);
  options.stop_tokens = {258};  // " a"
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kStop);
  EXPECT_EQ(result->stop_token, 258);
  EXPECT_EQ(result->text, ", there was");
  EXPECT_THAT(result->tokens, ElementsAreArray({11, 398, 281}));
}

TEST_F(SessionTest, AStopStringAcrossTokensIsCutOffWithWhatFollows) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(50);
  options.stop_strings = {"a lit", "girl"};
  std::string seen;
  options.on_text = [&](absl::string_view piece) {
    seen.append(piece.data(), piece.size());
    return true;
  };
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kStop);
  EXPECT_EQ(result->stop_token, std::nullopt);
  EXPECT_EQ(result->text, ", there was ");
  EXPECT_EQ(seen, result->text);
}

TEST_F(SessionTest, AStopStringMayEndInTheStopToken) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(50);
  options.stop_tokens = {258};  // " a"
  options.stop_strings = {"was a"};
  auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kStop);
  EXPECT_EQ(result->text, ", there ");
  options.stop_strings = {"was an"};
  result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->text, ", there was") << "what was held back comes, the stop token does not";
}

TEST_F(SessionTest, ASpecialTokenIsFoundAsAStopStringAndNotPrinted) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(250);
  const auto whole = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(whole.ok()) << whole.status();
  ASSERT_EQ(whole->finish, FinishReason::kStop) << "the story ends within the context";
  options.stop_tokens = {};
  options.stop_strings = {"<|endoftext|>"};
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kStop);
  EXPECT_EQ(result->text, whole->text);
  EXPECT_EQ(result->tokens.size(), whole->tokens.size() + 1) << "it is no stop token";
}

TEST_F(SessionTest, TextHeldBackForAStopStringComesAtTheEnd) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(8);
  options.stop_strings = {" Lily Munster"};
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kLength);
  EXPECT_EQ(result->text, ", there was a little girl named Lily");
}

TEST_F(SessionTest, ACallbackThatReturnsFalseEndsTheGeneration) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(50);
  int calls = 0;
  options.on_text = [&](absl::string_view) { return ++calls < 3; };
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
  EXPECT_EQ(result->text, ", there was");
  EXPECT_EQ(calls, 3);
}

TEST_F(SessionTest, TheCancelFlagEndsTheGenerationAfterTheCurrentToken) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(50);
  std::atomic<bool> cancel{false};
  options.cancel = &cancel;
  options.on_text = [&](absl::string_view) {
    cancel = true;
    return true;
  };
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
  EXPECT_EQ(result->tokens.size(), 1u);
}

TEST_F(SessionTest, ALongPromptIsCancelledBetweenItsSteps) {
  SessionOptions small;
  small.max_step = 1;
  auto session = Open(model_, small);
  GenerateOptions options = Greedy(50);
  const std::atomic<bool> cancel{true};
  options.cancel = &cancel;
  const auto result = session->Generate(Ids("Once upon a time"), options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kCancelled);
  EXPECT_TRUE(result->tokens.empty());
  EXPECT_TRUE(session->history().empty());
}

TEST_F(SessionTest, AFullContextEndsTheGeneration) {
  SessionOptions small;
  small.context = 10;
  auto session = Open(model_, small);
  const auto result = session->Generate(Ids("Once upon a time"), Greedy(50));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->finish, FinishReason::kContext);
  // Six fit behind the prompt's four; the seventh is known but cannot be computed with.
  EXPECT_EQ(result->tokens.size(), 7u);
}

TEST_F(SessionTest, APromptLongerThanTheContextIsRefusedWithBothNumbers) {
  SessionOptions small;
  small.context = 3;
  auto session = Open(model_, small);
  const auto result = session->Generate(Ids("Once upon a time"), Greedy(1));
  EXPECT_EQ(result.status(),
            absl::InvalidArgumentError("the prompt has 4 tokens, the context holds 3"));
}

TEST_F(SessionTest, WrongRequestsAreRefused) {
  auto session = Open(model_);
  EXPECT_EQ(session->Generate(std::vector<int32_t>{}, Greedy(1)).status(),
            absl::InvalidArgumentError("the prompt is empty"));
  EXPECT_EQ(session->Generate({454, 4096}, Greedy(1)).status(),
            absl::InvalidArgumentError("the prompt has token 4096, the model knows 0 to 4095"));
  EXPECT_EQ(session->Generate({454}, Greedy(-1)).status(),
            absl::InvalidArgumentError("max_new_tokens must be at least 0, is -1"));
  GenerateOptions options = Greedy(1);
  options.sampler.top_p = 2;
  EXPECT_THAT(std::string(session->Generate({454}, options).status().message()),
              HasSubstr("top_p"));
}

TEST_F(SessionTest, ALaterTurnComputesOnlyWhatIsNewAndWritesTheSameText) {
  auto session = Open(model_);
  const auto first = session->Generate(Ids("Once upon a time"), Greedy(12));
  ASSERT_TRUE(first.ok()) << first.status();
  std::vector<int32_t> longer = Ids("Once upon a time");
  longer.insert(longer.end(), first->tokens.begin(), first->tokens.begin() + 6);
  for (const int32_t id : Ids(" who had a dog")) longer.push_back(id);
  const auto second = session->Generate(longer, Greedy(20));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->reused_tokens, 4 + 6);

  auto fresh = Open(model_);
  const auto expected = fresh->Generate(longer, Greedy(20));
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(expected->reused_tokens, 0);
  EXPECT_EQ(second->tokens, expected->tokens);
  EXPECT_EQ(second->text, expected->text);
}

TEST_F(SessionTest, TheSamePromptAgainComputesItsLastTokenOnly) {
  auto session = Open(model_);
  const std::vector<int32_t> ids = Ids("Tom and his dog were best friends.");
  const std::vector<float> once = Logits(session.get(), ids);
  EXPECT_EQ(Logits(session.get(), ids), once);
  const auto result = session->Generate(ids, Greedy(0));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reused_tokens, static_cast<int64_t>(ids.size()) - 1);
}

TEST_F(SessionTest, ASeedFixesTheDraws) {
  auto session = Open(model_);
  GenerateOptions options = Greedy(30);
  options.sampler = model_->DefaultSampler();
  EXPECT_GT(options.sampler.temperature, 0);
  options.sampler.seed = 1;
  const auto one = session->Generate(Ids("The fox"), options);
  const auto same = session->Generate(Ids("The fox"), options);
  options.sampler.seed = 2;
  const auto other = session->Generate(Ids("The fox"), options);
  ASSERT_TRUE(one.ok() && same.ok() && other.ok());
  EXPECT_EQ(one->tokens, same->tokens);
  EXPECT_NE(one->tokens, other->tokens);
}

TEST_F(SessionTest, LogitsAreTheSameBitsForAnyThreadsAndAnySteps) {
  const std::vector<int32_t> ids = Ids(
      "Tom and his dog were best friends. Every day they went to the park and played with a big "
      "red ball. One day the ball rolled into the lake, and Tom did not know what to do.");
  ASSERT_GT(ids.size(), 40u);
  auto session = Open(model_);
  const std::vector<float> expected = Logits(session.get(), ids);
  for (const int64_t step : {1, 2, 3, 7, 16, 33}) {
    SessionOptions options;
    options.max_step = step;
    auto stepped = Open(model_, options);
    EXPECT_EQ(Logits(stepped.get(), ids), expected) << "steps of " << step;
  }
  for (const int threads : {1, 3}) {
    const auto model = LoadStories(threads);
    auto other = Open(model.get());
    EXPECT_EQ(Logits(other.get(), ids), expected) << threads << " threads";
  }
  const auto model = LoadStories(2, /*max_step=*/5, /*context=*/128);
  auto other = Open(model.get());
  EXPECT_EQ(Logits(other.get(), ids), expected) << "compiled for steps of 5";
}

TEST_F(SessionTest, APromptThatDoesNotFitLeavesWhatTheSessionHolds) {
  SessionOptions small;
  small.context = 12;
  auto session = Open(model_, small);
  const std::vector<int32_t> prompt = Ids("Once upon a time");
  ASSERT_TRUE(session->Generate(prompt, Greedy(3)).ok());
  const std::vector<int32_t> held = session->history();
  const std::vector<int32_t> long_prompt(13, prompt[0]);
  EXPECT_EQ(session->CheckPrompt(long_prompt).message(),
            "the prompt has 13 tokens, the context holds 12");
  EXPECT_EQ(session->Generate(long_prompt, Greedy(3)).status(), session->CheckPrompt(long_prompt));
  EXPECT_EQ(session->history(), held);
  EXPECT_TRUE(session->CheckPrompt(std::vector<int32_t>(12, prompt[0])).ok());
}

TEST_F(SessionTest, AfterAFullContextTheSessionGoesOn) {
  SessionOptions small;
  small.context = 8;
  auto session = Open(model_, small);
  const std::vector<int32_t> prompt = Ids("Once upon a time");
  const auto full = session->Generate(prompt, Greedy(50));
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_EQ(full->finish, FinishReason::kContext);
  const auto again = session->Generate(prompt, Greedy(3));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->tokens, ElementsAreArray(full->tokens.begin(), full->tokens.begin() + 3));
}

TEST(ActivationTest, AreThoseOfTheTokensHeld) {
  LoadOptions load;
  load.folder = "reference_data/tiny";
  load.threads = 1;
  load.need_tokenizer = false;
  load.module.record_activations = true;
  const auto model = Model::Load(load);
  ASSERT_TRUE(model.ok()) << model.status();
  auto session = Open(model->get());
  ASSERT_TRUE(session->Evaluate({7, 8, 7}).ok());
  const auto embed = session->Activation("embed");
  ASSERT_TRUE(embed.ok()) << embed.status();
  ASSERT_EQ(embed->size(), 3u * 64);
  EXPECT_EQ(embed->subspan(0, 64), embed->subspan(128, 64));  // token 7 twice
  EXPECT_NE(embed->subspan(0, 64), embed->subspan(64, 64));
  // A layer's output is its input plus what it computed: x + o_proj + mlp.
  const auto out = session->Activation("out[0]");
  const auto attention = session->Activation("o_proj[0]");
  const auto mlp = session->Activation("mlp[0]");
  ASSERT_TRUE(out.ok() && attention.ok() && mlp.ok()) << out.status();
  ASSERT_EQ(out->size(), embed->size());
  for (size_t i = 0; i < out->size(); ++i) {
    EXPECT_NEAR((*out)[i], (*embed)[i] + (*attention)[i] + (*mlp)[i], 1e-5) << i;
  }
  EXPECT_EQ(session->Activation("out[2]").status(),
            absl::NotFoundError("activation 'out[2]' is not recorded"));
}

TEST(SessionWithoutTokenizerTest, GivesTokensButNoText) {
  LoadOptions load;
  load.folder = "reference_data/tiny";
  load.threads = 1;
  load.need_tokenizer = false;
  const auto model = Model::Load(load);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->tokenizer(), nullptr);
  auto session = Open(model->get());
  GenerateOptions options;
  options.sampler.temperature = 0;
  options.max_new_tokens = 2;
  const auto result = session->Generate({7}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->tokens, ElementsAreArray({68, 386}));  // reference_data/tiny
  EXPECT_EQ(result->text, "");
  options.on_text = [](absl::string_view) { return true; };
  EXPECT_EQ(
      session->Generate({7}, options).status(),
      absl::FailedPreconditionError("reference_data/tiny: has no tokenizer, so there is no text"));
}

}  // namespace
}  // namespace lluda::engine
