// A fake model with hand-written kernels: its cache holds the tokens themselves, and its logits say
// what the step was given.
#include "runtime/session/session.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/cpu_device.h"

namespace lluda::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kVocabulary = 50;
// Symbols, in the order of dims.
enum { kContext, kRows, kSlots, kTokens };
// Inputs, in the order a session gives them.
enum { kTokenInput, kPosInput, kSlotInput, kRowInput };
// What logit i of a row is.
enum { kToken, kPosition, kSlot, kHistory };

// One run of the step.
struct Step {
  std::vector<int32_t> tokens, positions, slots, rows;
};

// buffers: log, tokens, pos, slot, rows
void LogStep(const KernelArgs* args) {
  const auto input = [&](int i, int64_t count) {
    const auto* data = static_cast<const int32_t*>(args->buffers[1 + i]);
    return std::vector<int32_t>(data, data + count);
  };
  const int64_t tokens = args->dims[kTokens];
  static_cast<std::vector<Step>*>(args->buffers[0])
      ->push_back({input(kTokenInput, tokens), input(kPosInput, tokens), input(kSlotInput, tokens),
                   input(kRowInput, args->dims[kRows])});
}

// buffers: cache slot[S] pos[C], tokens, pos, slot
void AppendTokens(const KernelArgs* args) {
  auto* cache = static_cast<int32_t*>(args->buffers[0]);
  const auto input = [&](int i) { return static_cast<const int32_t*>(args->buffers[1 + i]); };
  for (int64_t t = args->begin; t < args->end; ++t) {
    cache[input(kSlotInput)[t] * args->dims[kContext] + input(kPosInput)[t]] =
        input(kTokenInput)[t];
  }
}

// buffers: cache, tokens, pos, slot, rows, logits
void WriteLogits(const KernelArgs* args) {
  const auto* cache = static_cast<const int32_t*>(args->buffers[0]);
  const auto input = [&](int i) { return static_cast<const int32_t*>(args->buffers[1 + i]); };
  for (int64_t row = args->begin; row < args->end; ++row) {
    const int32_t t = input(kRowInput)[row];
    float* logits = static_cast<float*>(args->buffers[5]) + row * kVocabulary;
    std::fill_n(logits, kVocabulary, 0.0f);
    logits[kToken] = static_cast<float>(input(kTokenInput)[t]);
    logits[kPosition] = static_cast<float>(input(kPosInput)[t]);
    logits[kSlot] = static_cast<float>(input(kSlotInput)[t]);
    for (int32_t p = 0; p <= input(kPosInput)[t]; ++p) {
      const int32_t token = cache[input(kSlotInput)[t] * args->dims[kContext] + p];
      logits[kHistory] += static_cast<float>(token * (p + 1));
    }
  }
}

// The history logit of a sequence.
float HistoryOf(const std::vector<int32_t>& sequence) {
  float sum = 0;
  for (size_t p = 0; p < sequence.size(); ++p) {
    sum += static_cast<float>(sequence[p] * static_cast<int32_t>(p + 1));
  }
  return sum;
}

Program FakeModel() {
  Program program;
  program.entries.resize(1);
  program.entries[0].name = "step";
  program.symbols = {{"C", 4, 16}, {"R", 1, 4}, {"S", 1, 3}, {"T", 1, 8}};
  program.entries[0].inputs = {{"tokens", 1, {}, kVocabulary}, {"pos"}, {"slot"}, {"rows"}};
  program.weights = {{"log", 1, true}};
  program.states = {{"cache", 4, {kSlots, kContext}}};
  program.entries[0].result = {"logits", kVocabulary * 4, {kRows}};
  program.kernels.resize(3);
  program.kernels[0].fn = LogStep;
  program.kernels[1].fn = AppendTokens;
  program.kernels[1].work = {1, {{kTokens, 1}}};
  program.kernels[2].fn = WriteLogits;
  program.kernels[2].work = {1, {{kRows, 1}}};
  const BufferRef log{Space::kWeight, 0, 0}, cache{Space::kState, 0, 0};
  const BufferRef tokens{Space::kInput, 0, 0}, pos{Space::kInput, 1, 0}, slot{Space::kInput, 2, 0},
      rows{Space::kInput, 3, 0}, output{Space::kOutput, 0, 0};
  program.entries[0].calls = {{0, {log, tokens, pos, slot, rows}},
                              {1, {cache, tokens, pos, slot}},
                              {2, {cache, tokens, pos, slot, rows, output}}};
  return program;
}

// Gives the log as the only weight.
class LogSource : public WeightSource {
 public:
  explicit LogSource(std::vector<Step>* log) : log_(log) {}
  absl::StatusOr<const void*> Data(const std::string&, int64_t) override { return log_; }
  void Release(const std::string&, int64_t, int64_t) override {}

 private:
  std::vector<Step>* log_;
};

class SessionTest : public ::testing::Test {
 protected:
  explicit SessionTest() : source_(&steps_) { Use(FakeModel()); }

  void Use(Program program) {
    auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool_));
    ASSERT_TRUE(executable.ok()) << executable.status();
    executable_ = *std::move(executable);
    ASSERT_EQ(executable_->Load(&source_, nullptr), absl::OkStatus());
  }

  std::unique_ptr<Session> Open(const SessionOptions& options) {
    steps_.clear();
    auto session = Session::Create(executable_.get(), options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  std::string OpenError(const SessionOptions& options) {
    const auto session = Session::Create(executable_.get(), options);
    EXPECT_EQ(session.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(session.status().message());
  }

  ThreadPool pool_{1};
  std::vector<Step> steps_;
  LogSource source_;
  std::unique_ptr<Executable> executable_;
};

// The logits of each chunk.
std::vector<std::vector<float>> EvaluateChunks(Session* session, const std::vector<Chunk>& chunks) {
  const auto logits = session->Evaluate(chunks);
  EXPECT_TRUE(logits.ok()) << logits.status();
  if (!logits.ok()) return std::vector<std::vector<float>>(chunks.size(), {0, 0, 0, 0});
  EXPECT_EQ(logits->size(), chunks.size() * kVocabulary);
  std::vector<std::vector<float>> by_chunk;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const auto row = logits->subspan(i * kVocabulary, kVocabulary);
    by_chunk.emplace_back(row.begin(), row.end());
  }
  return by_chunk;
}

std::vector<float> Evaluate(Session* session, const std::vector<int32_t>& tokens) {
  return EvaluateChunks(session, {Chunk{0, tokens}})[0];
}

TEST_F(SessionTest, CountsPositionsFromZeroAndAsksForTheLastTokensLogits) {
  auto session = Open({});
  const std::vector<float> logits = Evaluate(session.get(), {7, 8, 9});
  ASSERT_EQ(steps_.size(), 1);
  EXPECT_THAT(steps_[0].tokens, ElementsAre(7, 8, 9));
  EXPECT_THAT(steps_[0].positions, ElementsAre(0, 1, 2));
  EXPECT_THAT(steps_[0].slots, ElementsAre(0, 0, 0));
  EXPECT_THAT(steps_[0].rows, ElementsAre(2));
  EXPECT_EQ(logits[kToken], 9);
  EXPECT_EQ(session->length(), 3);
}

TEST_F(SessionTest, ContinuesWhereTheLastCallEnded) {
  auto session = Open({});
  Evaluate(session.get(), {7, 8, 9});
  const std::vector<float> logits = Evaluate(session.get(), {10});
  EXPECT_THAT(steps_[1].positions, ElementsAre(3));
  EXPECT_EQ(logits[kHistory], HistoryOf({7, 8, 9, 10}));
  EXPECT_EQ(session->length(), 4);
}

TEST_F(SessionTest, ASlotGoesOnFromACopyOfAnothersBeginning) {
  // Whether or not it is known how positions lie.
  for (const int64_t runs : {0, 1}) {
    Program program = FakeModel();
    program.states[0].positions = {runs, 1};
    Use(std::move(program));
    auto session = Open({3});
    const std::vector<int32_t> first = {7, 8, 9, 10}, second = {1, 2, 3, 4, 5, 6};
    EvaluateChunks(session.get(), {{0, first}, {2, second}});
    ASSERT_EQ(session->CopyPrefix(0, 2, 2), absl::OkStatus());
    EXPECT_EQ(session->length(2), 2);
    const std::vector<int32_t> next = {11}, of_the_source = {12};
    const auto logits = EvaluateChunks(session.get(), {{2, next}, {0, of_the_source}});
    EXPECT_EQ(logits[0][kHistory], HistoryOf({7, 8, 11}));
    EXPECT_EQ(logits[1][kHistory], HistoryOf({7, 8, 9, 10, 12}));
  }
}

TEST_F(SessionTest, SequencesShareThePagesThatThereAre) {
  Program program = FakeModel();
  program.symbols[kContext] = {"C", 64, 192};
  Use(std::move(program));
  EXPECT_EQ(OpenError({2, 0, 0, 2}), "pages is 2, must be 3..6");
  EXPECT_EQ(OpenError({2, 0, 0, 7}), "pages is 7, must be 3..6");
  auto session = Open({/*slots=*/2, /*context=*/192, /*max_step=*/0, /*pages=*/4});
  const std::vector<int32_t> tokens(130, 2), few(64, 3), one = {5};
  EvaluateChunks(session.get(), {{0, tokens}});
  EXPECT_EQ(session->free_pages(), 1);
  EXPECT_EQ(session->PagesMissing(1, 65), 2);
  EvaluateChunks(session.get(), {{1, few}});
  EXPECT_EQ(session->free_pages(), 0);
  // Slot 0 has room in the page that it has begun, slot 1 needs another one.
  const Chunk more = {1, one};
  const auto refused = session->Step(absl::MakeConstSpan(&more, 1));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(session->length(1), 64);
  EvaluateChunks(session.get(), {{0, one}});
  EXPECT_EQ(session->CopyPrefix(0, 1, 65).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(session->length(1), 64);
  session->Truncate(0, 64);
  EXPECT_EQ(session->free_pages(), 2);
  const auto logits = EvaluateChunks(session.get(), {{1, one}});
  std::vector<int32_t> all = few;
  all.push_back(5);
  EXPECT_EQ(logits[0][kHistory], HistoryOf(all));
}

TEST_F(SessionTest, CutsALongChunkIntoSteps) {
  auto session = Open({1, 0, 4});
  const std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  const std::vector<float> logits = Evaluate(session.get(), tokens);
  ASSERT_EQ(steps_.size(), 3);
  EXPECT_THAT(steps_[0].tokens, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(steps_[1].positions, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(steps_[2].tokens, ElementsAre(9, 10));
  EXPECT_THAT(steps_[2].rows, ElementsAre(1));
  EXPECT_EQ(logits[kToken], 10);
  EXPECT_EQ(logits[kPosition], 9);
  EXPECT_EQ(logits[kHistory], HistoryOf(tokens));
}

TEST_F(SessionTest, GivesTheSameLogitsForAnyStepSize) {
  const std::vector<int32_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9};
  auto whole = Open({});
  const std::vector<float> expected = Evaluate(whole.get(), tokens);
  for (const int64_t max_step : {1, 2, 3, 5, 8}) {
    auto session = Open({1, 0, max_step});
    EXPECT_EQ(Evaluate(session.get(), tokens), expected) << "steps of " << max_step;
    EXPECT_EQ(steps_.size(), (tokens.size() + max_step - 1) / max_step);
  }
}

TEST_F(SessionTest, StepsThroughSeveralSlotsTogether) {
  auto session = Open({3, 0, 4});
  const std::vector<int32_t> a = {1, 2, 3, 4, 5}, b = {6, 7};
  const auto logits = EvaluateChunks(session.get(), {{2, a}, {0, b}});
  ASSERT_EQ(steps_.size(), 2);
  EXPECT_THAT(steps_[0].slots, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(steps_[1].tokens, ElementsAre(5, 6, 7));
  EXPECT_THAT(steps_[1].positions, ElementsAre(4, 0, 1));
  EXPECT_THAT(steps_[1].slots, ElementsAre(2, 0, 0));
  EXPECT_THAT(steps_[1].rows, ElementsAre(0, 2));
  EXPECT_EQ(logits[0][kSlot], 2);
  EXPECT_EQ(logits[0][kHistory], HistoryOf(a));
  EXPECT_EQ(logits[1][kSlot], 0);
  EXPECT_EQ(logits[1][kHistory], HistoryOf(b));
  EXPECT_EQ(session->length(0), 2);
  EXPECT_EQ(session->length(1), 0);
  EXPECT_EQ(session->length(2), 5);
}

TEST_F(SessionTest, TakesMoreSequencesThanOneStepHasRowsFor) {
  Program program = FakeModel();
  program.symbols[kRows].max = 2;
  Use(std::move(program));
  const std::vector<int32_t> a = {1, 2}, b = {3}, c = {4};
  for (const int64_t max_step : {1, 8}) {
    auto session = Open({3, 0, max_step});
    const auto logits = EvaluateChunks(session.get(), {{0, a}, {1, b}, {2, c}});
    EXPECT_EQ(logits[0][kHistory], HistoryOf(a));
    EXPECT_EQ(logits[1][kHistory], HistoryOf(b));
    EXPECT_EQ(logits[2][kHistory], HistoryOf(c));
    for (const Step& step : steps_) {
      EXPECT_LE(step.rows.size(), 2);
      EXPECT_LE(step.tokens.size(), max_step);
    }
  }
}

TEST_F(SessionTest, OneStepTakesPiecesOfSeveralSequencesAndTheRowsThatAreWanted) {
  auto session = Open({3, 0, 6});
  const std::vector<int32_t> a = {1, 2}, b = {3}, c = {4, 5, 6};
  const auto logits = session->Step({{0, a, 0}, {2, b}, {1, c}});
  ASSERT_TRUE(logits.ok()) << logits.status();
  ASSERT_EQ(steps_.size(), 1);
  EXPECT_THAT(steps_[0].tokens, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(steps_[0].rows, ElementsAre(2, 5));
  ASSERT_EQ(logits->size(), 2 * kVocabulary);
  EXPECT_EQ((*logits)[kHistory], HistoryOf(b));
  EXPECT_EQ((*logits)[kVocabulary + kHistory], HistoryOf(c));
  // The first sequence goes on where the step has left it.
  const std::vector<int32_t> rest = {7};
  const auto more = session->Step({{0, rest}});
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ((*more)[kHistory], HistoryOf({1, 2, 7}));
}

TEST_F(SessionTest, AChunkMayWantTheResultsOfSeveralTokens) {
  auto session = Open({2, 0, 6});
  const std::vector<int32_t> a = {1, 2, 3}, b = {4, 5};
  const auto logits = session->Step({{0, a, 2}, {1, b, 2}});
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_THAT(steps_[0].rows, ElementsAre(1, 2, 3, 4));
  ASSERT_EQ(logits->size(), 4 * kVocabulary);
  const std::vector<int32_t> histories[] = {{1, 2}, {1, 2, 3}, {4}, {4, 5}};
  for (size_t row = 0; row < 4; ++row) {
    EXPECT_EQ((*logits)[row * kVocabulary + kHistory], HistoryOf(histories[row]));
  }
  const std::vector<int32_t> five = {1, 2, 3, 4, 5};
  EXPECT_THAT(std::string(session->Step({{0, five, 5}}).status().message()),
              HasSubstr("a step of 5 tokens and 5 rows of results, must be at most 6 and 4"));
}

TEST_F(SessionTest, RowsOfEachTokenTakeAsManyStepsAsTheyNeed) {
  auto session = Open({1, 0, 6});
  const std::vector<int32_t> tokens = {3, 1, 4, 1, 5, 9, 2, 6, 5};
  const auto logits = session->Evaluate({{0, tokens, static_cast<int64_t>(tokens.size())}});
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_EQ(steps_.size(), 3);  // of at most 4 rows
  ASSERT_EQ(logits->size(), tokens.size() * kVocabulary);
  for (size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ((*logits)[i * kVocabulary + kHistory],
              HistoryOf({tokens.begin(), tokens.begin() + static_cast<int64_t>(i) + 1}));
  }
}

TEST_F(SessionTest, StepsWithoutWantedRowsLeaveTheResultsOfEarlierOnes) {
  auto session = Open({2, 0, 4});
  const std::vector<int32_t> a = {1, 2, 3}, b = {4, 5, 6, 7, 8, 9};
  const auto logits = session->Evaluate({{0, a, 2}, {1, b, 0}});
  ASSERT_TRUE(logits.ok()) << logits.status();
  ASSERT_EQ(logits->size(), 2 * kVocabulary);
  EXPECT_EQ((*logits)[kHistory], HistoryOf({1, 2}));
  EXPECT_EQ((*logits)[kVocabulary + kHistory], HistoryOf({1, 2, 3}));
}

TEST_F(SessionTest, AStepWithoutWantedRowsGivesNone) {
  auto session = Open({1, 0, 4});
  const std::vector<int32_t> tokens = {1, 2};
  const auto logits = session->Step({{0, tokens, 0}});
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_TRUE(logits->empty());
  const std::vector<int32_t> long_chunk = {3, 4, 5, 6, 7};
  const auto none = session->Evaluate({{0, long_chunk, 0}});
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(Evaluate(session.get(), {8})[kHistory], HistoryOf({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(SessionTest, RefusesAStepThatIsTooLargeAndChangesNothing) {
  Program program = FakeModel();
  program.symbols[kRows].max = 1;
  Use(std::move(program));
  auto session = Open({2, 0, 3});
  const std::vector<int32_t> one = {1}, three = {1, 2, 3};
  EXPECT_THAT(std::string(session->Step({{0, three}, {1, one, 0}}).status().message()),
              HasSubstr("a step of 4 tokens and 1 rows of results, must be at most 3 and 1"));
  EXPECT_THAT(std::string(session->Step({{0, one}, {1, one}}).status().message()),
              HasSubstr("2 tokens and 2 rows"));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_EQ(session->length(0), 0);
}

TEST_F(SessionTest, RefusesToOutgrowTheContextAndChangesNothing) {
  auto session = Open({2, 10, 0});
  Evaluate(session.get(), {1, 2, 3, 4, 5, 6, 7});
  steps_.clear();
  const std::vector<int32_t> fits = {1}, too_long = {2, 3, 4, 5};
  const auto logits = session->Evaluate({{1, fits}, {0, too_long}});
  ASSERT_FALSE(logits.ok());
  EXPECT_EQ(logits.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(logits.status().message()), HasSubstr("needs 11 tokens"));
  EXPECT_THAT(std::string(logits.status().message()), HasSubstr("context holds 10"));
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_EQ(session->length(0), 7);
  EXPECT_EQ(session->length(1), 0);

  EXPECT_EQ(Evaluate(session.get(), {8, 9, 10})[kHistory],
            HistoryOf({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(SessionTest, RefusesChunksThatMakeNoSense) {
  auto session = Open({2, 0, 0});
  const std::vector<int32_t> fine = {1}, none, negative = {1, -1}, large = {kVocabulary};
  const struct {
    std::vector<Chunk> chunks;
    std::string message;
  } cases[] = {
      {{{0, fine}, {1, negative}}, "token -1 is outside the vocabulary of 50"},
      {{{0, large}}, "token 50 is outside the vocabulary of 50"},
      {{{0, none}}, "no tokens"},
      {{}, "no tokens"},
      {{{1, fine}, {1, fine}}, "slot 1 is given twice"},
      {{{2, fine}}, "no slot 2"},
      {{{-1, fine}}, "no slot -1"},
      {{{0, fine, 2}}, "results of 2 tokens are wanted of 1"},
      {{{0, fine, -1}}, "results of -1 tokens are wanted of 1"},
  };
  for (const auto& c : cases) {
    const auto logits = session->Evaluate(c.chunks);
    EXPECT_EQ(logits.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(logits.status().message()), HasSubstr(c.message));
  }
  EXPECT_THAT(steps_, IsEmpty());
  EXPECT_EQ(session->length(0), 0);
}

TEST_F(SessionTest, TruncatedForgetsTheRest) {
  auto session = Open({2, 8, 0});
  Evaluate(session.get(), {1, 2, 3, 4, 5, 6, 7, 8});
  session->Truncate(0, 2);
  EXPECT_EQ(session->length(0), 2);
  const std::vector<float> logits = Evaluate(session.get(), {30, 40});
  EXPECT_EQ(logits[kPosition], 3);
  EXPECT_EQ(logits[kHistory], HistoryOf({1, 2, 30, 40}));
  session->Truncate(0, 0);
  EXPECT_EQ(Evaluate(session.get(), {5})[kHistory], HistoryOf({5}));
}

// A largest step is 8 tokens.
TEST_F(SessionTest, ARingKeepsABeginningThatTheLastStepHasLeftOrAllThatEverWasWritten) {
  Program program = FakeModel();
  program.states.push_back({"ring", 4 * 10, {kSlots}, 0, {0, 1, /*ring=*/10}});
  Use(std::move(program));
  auto session = Open({3});
  const std::vector<int32_t> ten(10, 2), six(6, 3);
  EvaluateChunks(session.get(), {{0, ten}, {1, ten}});
  EXPECT_EQ(session->Keepable(0, 1), 1);  // nothing is written over
  EvaluateChunks(session.get(), {{0, six}});
  EXPECT_EQ(session->Keepable(0, 8), 8);
  EXPECT_EQ(session->Keepable(0, 7), 0);
  EXPECT_EQ(session->Keepable(1, 7), 7);
  // What was written over does not come back by going back, nor in a copy.
  session->Truncate(0, 9);
  EXPECT_EQ(session->Keepable(0, 7), 0);
  ASSERT_EQ(session->CopyPrefix(0, 2, 8), absl::OkStatus());
  EXPECT_EQ(session->Keepable(2, 8), 8);
  EXPECT_EQ(session->Keepable(2, 7), 0);
  session->Truncate(0, 0);
  EvaluateChunks(session.get(), {{0, six}});
  EXPECT_EQ(session->Keepable(0, 1), 1);
}

TEST_F(SessionTest, ACopyHasAllOfARing) {
  Program program = FakeModel();
  program.states[0] = {"cache", 4 * 16, {kSlots}, 0, {0, 1, /*ring=*/16}};
  Use(std::move(program));
  auto session = Open({3});
  const std::vector<int32_t> first = {7, 8, 9, 10}, next = {11};
  EvaluateChunks(session.get(), {{0, first}});
  ASSERT_EQ(session->CopyPrefix(0, 2, 2), absl::OkStatus());
  EXPECT_EQ(EvaluateChunks(session.get(), {{2, next}})[0][kHistory], HistoryOf({7, 8, 11}));
}

TEST_F(SessionTest, HoldsWhatItsOptionsAskFor) {
  auto largest = Open({});
  EXPECT_EQ(largest->context(), 16);
  EXPECT_EQ(largest->vocabulary(), kVocabulary);
  EXPECT_EQ(largest->kv_bytes(), 4 * 16);
  // The cache grows by whole blocks of 4; the context is what was asked for.
  auto small = Open({3, 5, 2});
  EXPECT_EQ(small->context(), 5);
  EXPECT_EQ(small->kv_bytes(), 4 * 3 * 8);
}

TEST_F(SessionTest, RefusesOptionsBeyondTheProgram) {
  EXPECT_EQ(OpenError({0, 0, 0}), "slots is 0, must be 1..3");
  EXPECT_EQ(OpenError({4, 0, 0}), "slots is 4, must be 1..3");
  EXPECT_EQ(OpenError({1, 17, 0}), "context is 17, must be 1..16");
  EXPECT_EQ(OpenError({1, -1, 0}), "context is -1, must be 1..16");
  EXPECT_EQ(OpenError({1, 0, 9}), "max_step is 9, must be 1..8");
}

TEST_F(SessionTest, RefusesAProgramThatIsNoTokenModel) {
  for (const char* symbol : {"C", "R", "S", "T"}) {
    Program program = FakeModel();
    for (SymbolRange& range : program.symbols) {
      if (range.name == symbol) range.name = "other";
    }
    Use(std::move(program));
    EXPECT_EQ(OpenError({}), absl::StrCat("the program has no symbol ", symbol));
  }
  Program program = FakeModel();
  program.entries[0].inputs = {{"tokens"}, {"slot"}, {"pos"}, {"rows"}};
  Use(std::move(program));
  EXPECT_THAT(OpenError({}), HasSubstr("inputs are not tokens, pos, slot, rows"));
}

}  // namespace
}  // namespace lluda::runtime
