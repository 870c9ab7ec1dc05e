// A token's logits have the same bits whatever the number of threads, however its sequence is
// divided into steps, and whatever else a step computes: for each instruction set this CPU can run.
// Between instruction sets bits may differ.
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "codegen/llvm/target.h"
#include "engine/source/checkpoint_weights.h"
#include "gtest/gtest.h"
#include "runtime/machine/thread_pool.h"
#include "runtime/session/session.h"
#include "tests/support/compiled_model.h"
#include "tests/support/real_model.h"

namespace lluda::tests {
namespace {

using Param = std::tuple<std::string, Numbers, std::string>;  // model, numbers, isa

// More than a block of the cache, and no multiple of a tile's rows.
constexpr int kLength = 75;
constexpr int kSlots = 3;

std::vector<int32_t> Sequence(int slot, int64_t vocabulary) {
  std::vector<int32_t> tokens(kLength);
  uint32_t state = 2463534242u + static_cast<uint32_t>(slot);
  for (int32_t& token : tokens) {
    state ^= state << 13, state ^= state >> 17, state ^= state << 5;  // Marsaglia's xorshift32
    token = static_cast<int32_t>(state % vocabulary);
  }
  return tokens;
}

class DeterminismTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    const auto& [name, numbers, isa] = GetParam();
    const auto& [precision, kv_cache] = numbers;
    auto model = RealModel::Open(absl::StrCat("reference_data/", name), precision, kv_cache);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    const auto target = codegen::Target::Named(isa);
    ASSERT_TRUE(target.ok()) << target.status();
    auto compiled = CompiledModel::Compile(model_->module(), *target);
    ASSERT_TRUE(compiled.ok()) << compiled.status();
    compiled_ = *std::move(compiled);
    weights_ = std::make_unique<engine::CheckpointWeights>(&model_->checkpoint());
    for (int slot = 0; slot < kSlots; ++slot) {
      tokens_.push_back(Sequence(slot, model_->decoder().vocab_size));
    }
    // What everything is compared with: one thread, each sequence alone, token by token.
    UseThreads(1);
    expected_.resize(kSlots);
    for (int slot = 0; slot < kSlots; ++slot) {
      auto session = MakeSession(1);
      ASSERT_NE(session, nullptr);
      for (int i = 0; i < kLength; ++i) {
        const auto logits = session->Evaluate(absl::MakeConstSpan(tokens_[slot]).subspan(i, 1));
        ASSERT_TRUE(logits.ok()) << logits.status();
        expected_[slot].emplace_back(logits->begin(), logits->end());
      }
    }
  }

  void UseThreads(int threads) {
    executable_.reset();
    pool_ = std::make_unique<runtime::ThreadPool>(threads);
    auto executable = compiled_->Executable(weights_.get(), pool_.get());
    ASSERT_TRUE(executable.ok()) << executable.status();
    executable_ = *std::move(executable);
  }

  std::unique_ptr<runtime::Session> MakeSession(int slots, int64_t context = 128) {
    runtime::SessionOptions options;
    options.slots = slots;
    options.context = context;
    auto session = runtime::Session::Create(executable_.get(), options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  void ExpectSameBits(absl::Span<const float> logits, int slot, int64_t length,
                      const std::string& what) {
    const std::vector<float>& expected = expected_[slot][length - 1];
    ASSERT_EQ(logits.size(), expected.size()) << what;
    EXPECT_EQ(std::memcmp(logits.data(), expected.data(), expected.size() * sizeof(float)), 0)
        << what << ": the logits after " << length << " tokens differ by an NMSE of "
        << Nmse(logits, expected);
  }

  std::unique_ptr<RealModel> model_;
  std::unique_ptr<CompiledModel> compiled_;
  std::unique_ptr<engine::CheckpointWeights> weights_;
  std::unique_ptr<runtime::ThreadPool> pool_;
  std::unique_ptr<runtime::Executable> executable_;
  std::vector<std::vector<int32_t>> tokens_;
  std::vector<std::vector<std::vector<float>>> expected_;  // [slot][token] -> logits
};

TEST_P(DeterminismTest, ThreadsAndChunksDoNotShow) {
  const std::vector<std::vector<int>> splits = {
      {kLength}, {1, kLength - 1}, {2, 3, 5, 7, 11, 13, 17, 17}, {64, 11}, {31, 32, 12}};
  int64_t shared_calls = 0;
  for (const int threads : {1, 2, 3}) {
    ASSERT_NO_FATAL_FAILURE(UseThreads(threads));
    for (const std::vector<int>& split : splits) {
      auto session = MakeSession(1);
      ASSERT_NE(session, nullptr);
      int done = 0;
      for (const int count : split) {
        const auto logits = session->Evaluate(absl::MakeConstSpan(tokens_[0]).subspan(done, count));
        ASSERT_TRUE(logits.ok()) << logits.status();
        if (threads > 1) shared_calls += executable_->parallel_calls();
        done += count;
        ExpectSameBits(*logits, 0, done,
                       absl::StrCat(threads, " threads, a step of ", count, " tokens"));
      }
      ASSERT_EQ(done, kLength);
    }
  }
  // Without this, more threads would have meant nothing for the larger model.
  if (std::get<0>(GetParam()) == "stories") {
    EXPECT_GT(shared_calls, 0);
  }
}

TEST_P(DeterminismTest, OtherSequencesInTheStepDoNotShow) {
  // Tokens of each slot per step; 0 leaves a slot out.
  const std::vector<std::vector<int>> steps = {{10, 1, 30}, {1, 1, 1}, {0, 40, 5},
                                               {50, 0, 0},  {1, 1, 1}, {13, 32, 38}};
  for (const int threads : {1, 3}) {
    ASSERT_NO_FATAL_FAILURE(UseThreads(threads));
    auto session = MakeSession(kSlots);
    ASSERT_NE(session, nullptr);
    std::vector<int> done(kSlots, 0);
    for (const std::vector<int>& counts : steps) {
      std::vector<runtime::Chunk> chunks;
      for (int slot = kSlots; slot-- > 0;) {
        if (counts[slot] == 0) continue;
        chunks.push_back(
            {slot, absl::MakeConstSpan(tokens_[slot]).subspan(done[slot], counts[slot])});
        done[slot] += counts[slot];
      }
      const auto logits = session->Evaluate(chunks);
      ASSERT_TRUE(logits.ok()) << logits.status();
      for (size_t i = 0; i < chunks.size(); ++i) {
        const int slot = chunks[i].slot;
        ExpectSameBits(logits->subspan(i * session->vocabulary(), session->vocabulary()), slot,
                       done[slot],
                       absl::StrCat(threads, " threads, slot ", slot, " beside ", chunks.size() - 1,
                                    " others"));
      }
    }
    EXPECT_EQ(done, std::vector<int>(kSlots, kLength));
  }
}

// So far from the start that attention goes over several spans of positions.
TEST_P(DeterminismTest, ThreadsAndChunksDoNotShowBehindALongPrompt) {
  if (std::get<0>(GetParam()) != "tiny") GTEST_SKIP() << "the other model would take long";
  constexpr int kPrompt = 1020;
  constexpr int kTail = 8;
  std::vector<int32_t> tokens;
  while (tokens.size() < kPrompt + kTail) {
    tokens.insert(tokens.end(), tokens_[0].begin(), tokens_[0].end());
  }
  std::vector<std::vector<float>> expected(
      kTail);  // [token] -> logits, of one thread's single steps
  const auto step = [&](runtime::Session* session, int begin, int count) {
    const auto logits = session->Evaluate(absl::MakeConstSpan(tokens).subspan(begin, count));
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits.ok() ? std::vector<float>(logits->begin(), logits->end()) : std::vector<float>();
  };
  for (const int threads : {1, 2, 3, 7}) {
    ASSERT_NO_FATAL_FAILURE(UseThreads(threads));
    for (const std::vector<int>& split :
         std::vector<std::vector<int>>{{1, 1, 1, 1, 1, 1, 1, 1}, {3, 2, 3}, {kTail}}) {
      auto session = MakeSession(1, 1088);
      ASSERT_NE(session, nullptr);
      const int prompt_step = threads == 1 ? 1 : 255;
      for (int done = 0; done < kPrompt; done += prompt_step)
        step(session.get(), done, prompt_step);
      int done = 0;
      for (const int count : split) {
        const std::vector<float> logits = step(session.get(), kPrompt + done, count);
        done += count;
        if (expected[done - 1].empty()) expected[done - 1] = logits;
        EXPECT_EQ(std::memcmp(logits.data(), expected[done - 1].data(), logits.size() * 4), 0)
            << threads << " threads, a step of " << count << " tokens up to " << kPrompt + done;
      }
    }
  }
}

TEST_P(DeterminismTest, ASlotUsedBeforeDoesNotShow) {
  auto session = MakeSession(1);
  ASSERT_NE(session, nullptr);
  ASSERT_TRUE(session->Evaluate(tokens_[1]).ok());
  session->Truncate(0, 0);
  const auto logits = session->Evaluate(absl::MakeConstSpan(tokens_[0]).subspan(0, 20));
  ASSERT_TRUE(logits.ok()) << logits.status();
  ExpectSameBits(*logits, 0, 20, "after another sequence");
}

INSTANTIATE_TEST_SUITE_P(Models, DeterminismTest,
                         testing::Combine(testing::Values("stories", "tiny"),
                                          testing::ValuesIn(kAllNumbers),
                                          testing::ValuesIn(RunnableIsas())),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param), "_",
                                               NameOf(std::get<1>(info.param)), "_",
                                               std::get<2>(info.param));
                         });

}  // namespace
}  // namespace lluda::tests
