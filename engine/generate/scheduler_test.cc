// Several sequences side by side, each held against itself alone in a session: in a cache of slots,
// and in one whose slots share pages.
#include "engine/generate/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "engine/session.h"
#include "engine/stories_model.h"

namespace lluda::engine {
namespace {

using testing::IsEmpty;

class SchedulerTest : public SlotsAndPagesTest<128> {
 protected:
  static std::unique_ptr<Scheduler> Open(int slots, int64_t max_step = 16, int64_t pages = 0) {
    auto scheduler = Scheduler::Create(served()->executable(), {slots, 128, max_step, pages});
    EXPECT_TRUE(scheduler.ok()) << scheduler.status();
    return *std::move(scheduler);
  }

  static GenerateOptions Options(int kind) { return StoryOptions(*model_, kind); }

  static std::unique_ptr<Sequence> Make(const std::string& prompt, const GenerateOptions& options) {
    const SequenceModel model = {model_->tokenizer(), Open(1)->vocabulary(), 128};
    auto sequence = Sequence::Create(model, model_->tokenizer()->Encode(prompt), options);
    EXPECT_TRUE(sequence.ok()) << sequence.status();
    return *std::move(sequence);
  }

  static void RunAll(Scheduler* scheduler) {
    while (true) {
      const absl::StatusOr<bool> more = scheduler->Step();
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }

  static Generation Alone(const std::string& prompt, const GenerateOptions& options) {
    return StoriesTest::Alone(model_->tokenizer()->Encode(prompt), options);
  }

  static void ExpectAsAlone(Sequence* sequence, const std::string& prompt,
                            const GenerateOptions& options) {
    ASSERT_TRUE(sequence->finished());
    const absl::StatusOr<Generation> result = sequence->TakeResult();
    ASSERT_TRUE(result.ok()) << result.status();
    SCOPED_TRACE(prompt);
    ExpectSame(*result, Alone(prompt, options));
  }
};

INSTANTIATE_TEST_SUITE_P(All, SchedulerTest, testing::Bool(), SlotsOrPages);

TEST_P(SchedulerTest, SequencesSideBySideAreWhatEachIsAlone) {
  for (const int slots : {1, 2, 5}) {
    auto scheduler = Open(slots);
    std::vector<std::unique_ptr<Sequence>> sequences;
    for (int i = 0; i < 10; ++i) {
      sequences.push_back(Make(kStoryPrompts[i % 5], Options(i)));
      scheduler->Add(sequences.back().get());
    }
    RunAll(scheduler.get());
    for (int i = 0; i < 10; ++i) {
      ExpectAsAlone(sequences[i].get(), kStoryPrompts[i % 5], Options(i));
    }
  }
}

TEST_P(SchedulerTest, SequencesThatAreSetBackAreWhatEachIsAlone) {
  int64_t preemptions = 0;
  // A context has two pages.
  for (const int64_t pages : {2, 3, 5}) {
    for (const Speculate speculate : {Speculate::kOff, Speculate::kPrompt}) {
      auto scheduler = Open(4, 16, pages);
      const auto options_of = [&](int kind) {
        GenerateOptions options = Options(kind);
        options.max_new_tokens = 30 + 20 * (kind % 4);
        options.stop_tokens = {};
        options.speculate = speculate;
        return options;
      };
      std::vector<std::unique_ptr<Sequence>> sequences;
      for (int i = 0; i < 8; ++i) {
        sequences.push_back(Make(kStoryPrompts[i % 5], options_of(i)));
        scheduler->Add(sequences.back().get());
      }
      // Nobody is set back for ever: the one that came first goes on.
      for (bool more = true; more;) {
        const absl::StatusOr<bool> stepped = scheduler->Step();
        ASSERT_TRUE(stepped.ok()) << stepped.status();
        more = *stepped;
        EXPECT_LE(scheduler->used_pages(), pages);
      }
      for (int i = 0; i < 8; ++i) {
        ExpectAsAlone(sequences[i].get(), kStoryPrompts[i % 5], options_of(i));
      }
      preemptions += scheduler->preemptions();
    }
  }
  EXPECT_GT(preemptions, 4);
}

TEST_P(SchedulerTest, WhatIsRememberedMakesRoomBeforeAnybodyIsSetBack) {
  auto scheduler = Open(3, 16, 3);
  GenerateOptions options = Options(1);
  options.stop_tokens = {};
  options.max_new_tokens = 80;
  for (const char* const prompt : {kStoryPrompts[0], kStoryPrompts[1], kStoryPrompts[4]}) {
    auto sequence = Make(prompt, options);
    scheduler->Add(sequence.get());
    RunAll(scheduler.get());
    ExpectAsAlone(sequence.get(), prompt, options);
  }
  EXPECT_EQ(scheduler->preemptions(), 0);
  EXPECT_LE(scheduler->used_pages(), 3);
}

TEST_P(SchedulerTest, ASequenceThatIsCancelledWhileItIsSetBackIsLetGo) {
  auto scheduler = Open(3, 16, 2);
  std::atomic<bool> cancel{false};
  GenerateOptions options = Options(1);
  options.stop_tokens = {};
  options.max_new_tokens = 100;
  auto first = Make(kStoryPrompts[0], options);
  options.cancel = &cancel;
  auto second = Make(kStoryPrompts[1], options);
  scheduler->Add(first.get());
  scheduler->Add(second.get());
  while (scheduler->preemptions() == 0) {
    ASSERT_TRUE(*scheduler->Step());
  }
  cancel = true;
  scheduler->LetGoOfFinished();
  EXPECT_TRUE(second->finished());
  second.reset();
  RunAll(scheduler.get());
  options.cancel = nullptr;
  ExpectAsAlone(first.get(), kStoryPrompts[0], options);
}

TEST_P(SchedulerTest, SequencesMayComeWhileOthersAreWritten) {
  auto scheduler = Open(3, /*max_step=*/5);
  std::vector<std::unique_ptr<Sequence>> sequences;
  for (int i = 0; i < 6; ++i) {
    sequences.push_back(Make(kStoryPrompts[(i + 2) % 5], Options(i)));
    scheduler->Add(sequences.back().get());
    for (int step = 0; step < 1 + 2 * i; ++step) ASSERT_TRUE(scheduler->Step().ok());
  }
  RunAll(scheduler.get());
  for (int i = 0; i < 6; ++i) {
    ExpectAsAlone(sequences[i].get(), kStoryPrompts[(i + 2) % 5], Options(i));
  }
}

TEST_P(SchedulerTest, ASequenceThatLeavesDoesNotChangeTheOthers) {
  auto scheduler = Open(3);
  const GenerateOptions options = Options(1);
  auto leaves = Make(kStoryPrompts[3], options);
  auto stays = Make(kStoryPrompts[2], options);
  scheduler->Add(leaves.get());
  scheduler->Add(stays.get());
  for (int step = 0; step < 4; ++step) ASSERT_TRUE(scheduler->Step().ok());
  leaves->Cancel();
  RunAll(scheduler.get());
  EXPECT_EQ(leaves->TakeResult()->finish, FinishReason::kCancelled);
  ExpectAsAlone(stays.get(), kStoryPrompts[2], options);
}

TEST_P(SchedulerTest, ACancelledSequenceDoesNotWaitForASlot) {
  auto scheduler = Open(1);
  auto first = Make(kStoryPrompts[0], Options(1));
  std::atomic<bool> cancel{false};
  GenerateOptions options = Options(1);
  options.cancel = &cancel;
  auto second = Make(kStoryPrompts[1], options);
  scheduler->Add(first.get());
  scheduler->Add(second.get());
  ASSERT_TRUE(scheduler->Step().ok());
  cancel = true;
  ASSERT_TRUE(scheduler->Step().ok());
  EXPECT_TRUE(second->finished());
  EXPECT_FALSE(first->finished());
}

TEST_P(SchedulerTest, ALaterPromptReusesTheSlotThatSharesItsBeginning) {
  auto scheduler = Open(2);
  auto first = Make(kStoryPrompts[2], Options(0));
  auto other = Make(kStoryPrompts[1], Options(0));
  scheduler->Add(first.get());
  scheduler->Add(other.get());
  RunAll(scheduler.get());
  const std::string longer = std::string(kStoryPrompts[2]) + " She";
  auto later = Make(longer, Options(3));
  scheduler->Add(later.get());
  RunAll(scheduler.get());
  auto result = later->TakeResult();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reused_tokens,
            static_cast<int64_t>(model_->tokenizer()->Encode(kStoryPrompts[2]).size()));
  EXPECT_EQ(result->tokens, Alone(longer, Options(3)).tokens);
}

// The second sequence begins while the first is being written, from a copy of what that holds.
TEST_P(SchedulerTest, ACopiedBeginningGivesTheBitsOfAComputedOne) {
  const std::vector<int32_t> ids = model_->tokenizer()->Encode(kStoryPrompts[3]);
  struct Case {
    const char* name;
    Precision precision;
    KvCache kv_cache;
  };
  for (const Case& c : {Case{"bf16", Precision::kBF16, KvCache::kPrecision},
                        Case{"f32", Precision::kF32, KvCache::kPrecision},
                        Case{"int8", Precision::kBF16, KvCache::kInt8}}) {
    LoadOptions load;
    load.folder = "reference_data/stories";
    load.threads = 2;
    load.module.precision = c.precision;
    load.module.kv_cache = c.kv_cache;
    load.module.context = 128;
    load.module.pages = SharesPages();
    auto model = Model::Load(load);
    ASSERT_TRUE(model.ok()) << model.status();
    auto session = Session::Create(model->get(), {});
    ASSERT_TRUE(session.ok()) << session.status();
    // Prompts that share 1 to all but one of their tokens: beginnings end in and between panels.
    for (size_t shared = 1; shared < ids.size(); shared += 5) {
      auto scheduler = Scheduler::Create((*model)->executable(), {2, 128, 0});
      ASSERT_TRUE(scheduler.ok()) << scheduler.status();
      const SequenceModel of = {(*model)->tokenizer(), (*scheduler)->vocabulary(), 128};
      auto first = Sequence::Create(of, ids, Options(1));
      (*scheduler)->Add(first->get());
      ASSERT_TRUE((*scheduler)->Step().ok());
      std::vector<int32_t> prompt(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(shared));
      prompt.push_back(5);
      auto second = Sequence::Create(of, prompt, Options(2));
      (*scheduler)->Add(second->get());
      RunAll(scheduler->get());
      const auto result = (*second)->TakeResult();
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->reused_tokens, static_cast<int64_t>(shared)) << c.name;
      const auto alone = (*session)->Generate(prompt, Options(2));
      ASSERT_TRUE(alone.ok()) << alone.status();
      EXPECT_EQ(result->tokens, alone->tokens) << c.name << " " << shared;
      // The last token's logits in full, since tokens may agree by chance.
      const auto logits = (*scheduler)->Evaluate(prompt);
      ASSERT_TRUE(logits.ok()) << logits.status();
      const std::vector<float> copied(logits->begin(), logits->end());
      (*session)->Clear();
      const auto computed = (*session)->Evaluate(prompt);
      ASSERT_TRUE(computed.ok()) << computed.status();
      EXPECT_EQ(copied, std::vector<float>(computed->begin(), computed->end())) << c.name;
    }
  }
}

TEST_P(SchedulerTest, LogitsAreTheSameBitsBesideOtherSequences) {
  const std::vector<int32_t> ids = model_->tokenizer()->Encode(kStoryPrompts[3]);
  auto session = Session::Create(model_, {});
  ASSERT_TRUE(session.ok()) << session.status();
  const auto expected = (*session)->Evaluate(ids);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::vector<float> alone(expected->begin(), expected->end());

  auto scheduler = Open(3);
  auto writing = Make(kStoryPrompts[0], Options(0));
  scheduler->Add(writing.get());
  ASSERT_TRUE(scheduler->Step().ok());
  const auto logits = scheduler->Evaluate(ids);
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_EQ(std::vector<float>(logits->begin(), logits->end()), alone);
  RunAll(scheduler.get());
  ExpectAsAlone(writing.get(), kStoryPrompts[0], Options(0));
}

TEST_P(SchedulerTest, GuessesChangeNoToken) {
  const std::string prompt =
      "Tom had a red ball. Tom had a red ball. Tom had a blue ball. Tom had a red ball. Tom had";
  int64_t guessed_tokens = 0;
  for (int kind = 0; kind < 8; ++kind) {
    GenerateOptions options = Options(kind);
    options.max_new_tokens = 90;
    options.stop_strings.clear();
    const Generation plain = Alone(prompt, options);
    options.speculate = Speculate::kPrompt;
    const Generation guessed = Alone(prompt, options);
    EXPECT_EQ(guessed.tokens, plain.tokens) << kind;
    EXPECT_EQ(guessed.text, plain.text) << kind;
    EXPECT_EQ(guessed.finish, plain.finish) << kind;
    EXPECT_EQ(guessed.decode_steps + guessed.accepted_tokens, plain.decode_steps) << kind;
    EXPECT_EQ(plain.guessed_tokens, 0);
    guessed_tokens += guessed.guessed_tokens;
  }
  // How many depends on what steps take here.
  EXPECT_GT(guessed_tokens, 0);
}

TEST_P(SchedulerTest, GuessesDoNotReachBeyondTheTextsEnd) {
  const std::string prompt = "ball ball ball ball ball ball ball ball ball ball ball ball ball";
  for (const int64_t most : {1, 2, 3, 5, 200}) {
    GenerateOptions options = Options(0);
    options.max_new_tokens = most;
    options.stop_strings = {"ball ball ball ball ball."};
    const Generation plain = Alone(prompt, options);
    options.speculate = Speculate::kPrompt;
    const Generation guessed = Alone(prompt, options);
    EXPECT_EQ(guessed.tokens, plain.tokens) << most;
    EXPECT_EQ(guessed.text, plain.text) << most;
    EXPECT_EQ(guessed.finish, plain.finish) << most;
  }
}

TEST_P(SchedulerTest, AnEvaluationNeedsAFreeSlot) {
  auto scheduler = Open(1);
  auto writing = Make(kStoryPrompts[0], Options(0));
  scheduler->Add(writing.get());
  ASSERT_TRUE(scheduler->Step().ok());
  EXPECT_EQ(scheduler->Evaluate({1, 2}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(SchedulerTest, AfterAClearNothingIsReused) {
  auto scheduler = Open(2);
  auto first = Make(kStoryPrompts[0], Options(0));
  scheduler->Add(first.get());
  RunAll(scheduler.get());
  scheduler->Clear();
  EXPECT_THAT(scheduler->held(0), IsEmpty());
  auto again = Make(kStoryPrompts[0], Options(0));
  scheduler->Add(again.get());
  RunAll(scheduler.get());
  EXPECT_EQ(again->TakeResult()->reused_tokens, 0);
}

}  // namespace
}  // namespace lluda::engine
