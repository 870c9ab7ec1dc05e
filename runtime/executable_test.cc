// Programs with kernels written by hand: what the executable hands to them, and how often.
#include "runtime/executable.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/counting_allocator.h"
#include "runtime/cpu_device.h"

namespace lluda::runtime {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Worth sharing between threads, one item at a time.
constexpr int64_t kExpensive = 1000000;

// Serves tensors from memory and remembers what it was asked.
class FakeWeights : public WeightSource {
 public:
  void Add(const std::string& tensor, const void* data) { data_[tensor] = data; }
  void Fail(const std::string& tensor, absl::Status status) { errors_[tensor] = std::move(status); }

  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override {
    asked_.emplace_back(tensor, bytes);
    const auto error = errors_.find(tensor);
    if (error != errors_.end()) return error->second;
    return data_.at(tensor);
  }
  void Release(const std::string& tensor, int64_t offset, int64_t bytes) override {
    log_.push_back(absl::StrCat("release ", tensor, " ", offset, "+", bytes));
  }

  std::vector<std::string>* log() { return &log_; }
  const std::vector<std::pair<std::string, int64_t>>& asked() const { return asked_; }

 private:
  std::map<std::string, const void*> data_;
  std::map<std::string, absl::Status> errors_;
  std::vector<std::string> log_;
  std::vector<std::pair<std::string, int64_t>> asked_;
};

Kernel MakeKernel(KernelFn fn, Work work = {}, int64_t item_cost = 1) {
  Kernel kernel;
  kernel.name = "test";
  kernel.fn = fn;
  kernel.work = std::move(work);
  kernel.item_cost = item_cost;
  return kernel;
}

// T in 1..64 and R in 1..8, one kernel, called once by the step on the output.
Program OneCall(Kernel kernel) {
  Program program;
  program.symbols = {{"T", 1, 64}, {"R", 1, 8}};
  program.entries.resize(1);
  program.kernels = {std::move(kernel)};
  program.entries[0].calls = {{0, {{Space::kOutput, 0, 0}}}};
  return program;
}

std::unique_ptr<Executable> Loaded(Program program, ThreadPool* pool, WeightSource* weights) {
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(pool));
  EXPECT_TRUE(executable.ok()) << executable.status();
  EXPECT_EQ((*executable)->Load(weights, nullptr), absl::OkStatus());
  return *std::move(executable);
}

void RunStep(Executable* executable, std::vector<int64_t> dims, std::vector<const void*> inputs,
             void* output) {
  const auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok()) << states.status();
  EXPECT_EQ(executable->Run(executable->program().entries[0], **states, dims, inputs, output),
            absl::OkStatus());
}

// output[i] += 1 for the items of this part.
void CountItems(const KernelArgs* args) {
  auto* counts = static_cast<int32_t*>(args->buffers[0]);
  for (int64_t i = args->begin; i < args->end; ++i) ++counts[i];
}

// output[begin] = end: where the parts of a call were cut.
void NoteParts(const KernelArgs* args) {
  static_cast<int64_t*>(args->buffers[0])[args->begin] = args->end;
}

TEST(Work, IsTheProductOfItsConstantAndOfRoundedUpFactors) {
  const int64_t dims[] = {10, 3};
  EXPECT_EQ((Work{5, {}}).Count(dims), 5);
  EXPECT_EQ((Work{1, {{0, 1}}}).Count(dims), 10);
  EXPECT_EQ((Work{1, {{0, 4}}}).Count(dims), 3);
  EXPECT_EQ((Work{2, {{0, 5}, {1, 1}}}).Count(dims), 12);
}

// Two states of two slots with six positions: three bytes for each slot and position, in runs and
// groups; and one that slots have no share of.
TEST(Executable, CopiesWhatASlotHoldsUpToAPosition) {
  struct Case {
    PositionLayout layout;
    int64_t positions;
    std::string copied;  // of slot 0, which holds A to R
  };
  const Case cases[] = {{{1, 1}, 2, "ABCDEF............"}, {{3, 1}, 2, "AB....GH....MN...."},
                        {{3, 4}, 2, "ABCD..GHIJ..MNOP.."}, {{3, 4}, 5, "ABCDEFGHIJKLMNOPQR"},
                        {{0, 1}, 2, "ABCDEFGHIJKLMNOPQR"}, {{3, 1}, 0, ".................."}};
  ThreadPool pool(1);
  for (const Case& c : cases) {
    Program program = OneCall(MakeKernel([](const KernelArgs*) {}));
    program.symbols = {{"S", 1, 2}, {"C", 6, 6}};
    program.states = {{"numbers", 3, {0, 1}, 0, c.layout}, {"shared", 6, {1}, 0, {}}};
    FakeWeights weights;
    auto executable = Loaded(std::move(program), &pool, &weights);
    const int64_t dims[] = {2, 6};
    auto states = executable->CreateStates(dims);
    ASSERT_TRUE(states.ok()) << states.status();
    char* const numbers = (*states)->buffer(0);
    for (int i = 0; i < 18; ++i) numbers[i] = static_cast<char>('A' + i);
    std::fill_n(numbers + 18, 18, '.');
    ASSERT_EQ(executable->CopyPositions(**states, dims, 0, 1, 0, 1, c.positions), absl::OkStatus());
    EXPECT_EQ(std::string(numbers + 18, 18), c.copied) << c.layout.runs << " " << c.layout.group;
    EXPECT_EQ(std::string(numbers, 18), "ABCDEFGHIJKLMNOPQR");
  }
}

TEST(Executable, RunsEveryWorkItemOnceForAnyThreadsAndDims) {
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    for (const int64_t cost : {int64_t{1}, kExpensive}) {
      FakeWeights weights;
      auto executable =
          Loaded(OneCall(MakeKernel(CountItems, {3, {{0, 4}, {1, 1}}}, cost)), &pool, &weights);
      for (const int64_t t : {1, 4, 5, 64}) {
        for (const int64_t r : {1, 8}) {
          const int64_t items = 3 * ((t + 3) / 4) * r;
          std::vector<int32_t> counts(static_cast<size_t>(items) + 1, 0);
          RunStep(executable.get(), {t, r}, {}, counts.data());
          EXPECT_EQ(counts.back(), 0) << "one item too many";
          counts.pop_back();
          EXPECT_THAT(counts, Each(1)) << threads << " threads, T " << t << ", R " << r;
        }
      }
    }
  }
}

TEST(Executable, SharesACallWhenItsWorkIsWorthWakingThreads) {
  ThreadPool pool(3);
  FakeWeights weights;
  std::vector<int64_t> parts(64, 0);
  auto cheap = Loaded(OneCall(MakeKernel(NoteParts, {1, {{0, 1}}}, 1)), &pool, &weights);
  RunStep(cheap.get(), {64, 1}, {}, parts.data());
  EXPECT_EQ(cheap->parallel_calls(), 0);
  EXPECT_EQ(parts[0], 64);

  auto expensive =
      Loaded(OneCall(MakeKernel(NoteParts, {1, {{0, 1}}}, kExpensive)), &pool, &weights);
  RunStep(expensive.get(), {64, 1}, {}, parts.data());
  EXPECT_EQ(expensive->parallel_calls(), 1);
  EXPECT_LT(parts[0], 64);
}

TEST(Executable, TakesTheCostSymbolIntoAccount) {
  ThreadPool pool(2);
  FakeWeights weights;
  Kernel kernel = MakeKernel(NoteParts, {1, {{0, 1}}}, 1000);
  kernel.cost_symbol = 1;
  auto executable = Loaded(OneCall(std::move(kernel)), &pool, &weights);
  std::vector<int64_t> parts(64, 0);
  RunStep(executable.get(), {4, 1}, {}, parts.data());
  EXPECT_EQ(executable->parallel_calls(), 0);
  RunStep(executable.get(), {4, 8}, {}, parts.data());
  EXPECT_EQ(executable->parallel_calls(), 1);
}

TEST(Executable, KeepsACallWholeOnOneThread) {
  ThreadPool pool(1);
  FakeWeights weights;
  auto executable =
      Loaded(OneCall(MakeKernel(NoteParts, {1, {{0, 1}}}, kExpensive)), &pool, &weights);
  std::vector<int64_t> parts(64, 0);
  RunStep(executable.get(), {64, 1}, {}, parts.data());
  EXPECT_EQ(executable->parallel_calls(), 0);
  EXPECT_EQ(parts[0], 64);
}

// Meets the other threads before it notes where its scratch memory is, so that all of them take
// part. Buffers: how many have come, how many must, addresses by item.
void MeetAndNoteScratch(const KernelArgs* args) {
  auto* arrived = static_cast<std::atomic<int64_t>*>(args->buffers[0]);
  const int64_t wanted = *static_cast<const int64_t*>(args->buffers[1]);
  arrived->fetch_add(args->end - args->begin);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (arrived->load() < wanted && std::chrono::steady_clock::now() < deadline) {
  }
  for (int64_t i = args->begin; i < args->end; ++i) {
    static_cast<void**>(args->buffers[2])[i] = args->scratch;
  }
  // Threads whose scratch memory overlapped would race here, which tsan sees.
  std::fill_n(static_cast<char*>(args->scratch), 1000, 'x');
}

TEST(Executable, NotesWhenACallRanAndWhoWorkedOnItWhileItIsTold) {
  ThreadPool pool(2);
  FakeWeights weights;
  auto executable =
      Loaded(OneCall(MakeKernel(CountItems, {1, {{0, 1}}}, kExpensive)), &pool, &weights);
  Timeline timeline(pool.threads());
  std::vector<int32_t> counts(64, 0);
  const int64_t before = Timeline::Now();
  executable->RecordTo(&timeline);
  RunStep(executable.get(), {64, 1}, {}, counts.data());
  executable->RecordTo(nullptr);
  RunStep(executable.get(), {64, 1}, {}, counts.data());
  EXPECT_THAT(counts, Each(2));
  ASSERT_EQ(timeline.calls().size(), 1u) << "the second step was not to be noted";
  const Timeline::Span call = timeline.calls()[0];
  EXPECT_GE(call.begin, before);
  EXPECT_LE(call.end, Timeline::Now());
  size_t chunks = 0;
  for (int thread = 0; thread < timeline.threads(); ++thread) {
    int64_t last = call.begin;
    for (const Timeline::Span& span : timeline.work(thread)) {
      EXPECT_EQ(span.call, 0u);
      EXPECT_GE(span.begin, last) << "a thread does one thing at a time";
      EXPECT_GE(span.end, span.begin);
      last = span.end;
      ++chunks;
    }
    EXPECT_LE(last, call.end);
  }
  EXPECT_GT(chunks, 1u) << "an expensive call is divided";
  timeline.Clear();
  EXPECT_TRUE(timeline.calls().empty());
}

// A step of `count` calls of one kernel, on an input each, that may run side by side.
Program SideBySide(Kernel kernel, uint32_t count) {
  Program program = OneCall(std::move(kernel));
  program.entries[0].calls.clear();
  for (uint32_t i = 0; i < count; ++i) {
    program.entries[0].inputs.push_back({std::string(1, static_cast<char>('a' + i))});
    program.entries[0].calls.push_back({0, {{Space::kInput, i, 0}}, {}, i > 0});
  }
  return program;
}

TEST(Executable, RunsCallsSideBySideInOneLoop) {
  for (const int64_t cost : {int64_t{1}, kExpensive}) {
    ThreadPool pool(2);
    FakeWeights weights;
    auto executable =
        Loaded(SideBySide(MakeKernel(CountItems, {1, {{0, 1}}}, cost), 3), &pool, &weights);
    std::vector<int32_t> a(64, 0), b(64, 0), c(64, 0);
    RunStep(executable.get(), {64, 1}, {a.data(), b.data(), c.data()}, nullptr);
    EXPECT_THAT(a, Each(1));
    EXPECT_THAT(b, Each(1));
    EXPECT_THAT(c, Each(1));
    EXPECT_EQ(executable->parallel_calls(), cost == kExpensive ? 1 : 0);
  }
}

TEST(Executable, SharesCallsThatAreTogetherWorthIt) {
  ThreadPool pool(2);
  FakeWeights weights;
  // Of 6 us: half of it is worth no other thread.
  Program alone = SideBySide(MakeKernel(CountItems, {64, {}}, 60), 2);
  Program together = SideBySide(MakeKernel(CountItems, {64, {}}, 60), 2);
  alone.entries[0].calls[1].joins_previous = false;
  std::vector<int32_t> a(64, 0), b(64, 0);
  auto executable = Loaded(std::move(alone), &pool, &weights);
  RunStep(executable.get(), {1, 1}, {a.data(), b.data()}, nullptr);
  EXPECT_EQ(executable->parallel_calls(), 0);
  executable = Loaded(std::move(together), &pool, &weights);
  RunStep(executable.get(), {1, 1}, {a.data(), b.data()}, nullptr);
  EXPECT_EQ(executable->parallel_calls(), 1);
  EXPECT_THAT(a, Each(2));
  EXPECT_THAT(b, Each(2));
}

TEST(Executable, NotesCallsThatRanSideBySideAsOneRegion) {
  ThreadPool pool(2);
  FakeWeights weights;
  auto executable =
      Loaded(SideBySide(MakeKernel(CountItems, {1, {{0, 1}}}, kExpensive), 2), &pool, &weights);
  Timeline timeline(pool.threads());
  std::vector<int32_t> a(64, 0), b(64, 0);
  executable->RecordTo(&timeline);
  RunStep(executable.get(), {64, 1}, {a.data(), b.data()}, nullptr);
  ASSERT_EQ(timeline.regions().size(), 1u);
  const Timeline::Region region = timeline.regions()[0];
  EXPECT_EQ(region.call, 0u);
  EXPECT_EQ(region.calls, 2u);
  EXPECT_TRUE(region.shared);
  ASSERT_EQ(timeline.calls().size(), 2u);
  EXPECT_EQ(timeline.calls()[0].begin, region.begin);
  EXPECT_EQ(timeline.calls()[0].end, timeline.calls()[1].begin);
  EXPECT_EQ(timeline.calls()[1].end, region.end);
  EXPECT_EQ(timeline.calls()[1].call, 1u);
}

TEST(Timeline, DividesARegionsTimeAsTheWorkOnItsCallsWas) {
  Timeline timeline(2);
  timeline.AddWork(0, {4, 1000, 1900});  // of the region before
  timeline.AddRegion({4, 1, 1000, 2000, false});
  timeline.AddWork(0, {5, 2000, 5000});
  timeline.AddWork(1, {5, 2000, 5000});
  timeline.AddWork(1, {6, 5000, 7000});
  timeline.AddRegion({5, 2, 2000, 10000, true});
  ASSERT_EQ(timeline.calls().size(), 3u);
  EXPECT_EQ(timeline.calls()[0].end, 2000);
  EXPECT_EQ(timeline.calls()[1].begin, 2000);
  EXPECT_NEAR(static_cast<double>(timeline.calls()[1].end), 8000, 2);
  EXPECT_EQ(timeline.calls()[2].end, 10000);
}

TEST(Executable, GivesEachThreadScratchMemoryOfItsOwn) {
  for (const int threads : {2, 3}) {
    ThreadPool pool(threads);
    if (pool.threads() != threads) GTEST_SKIP() << "the system refused threads";
    Kernel kernel = MakeKernel(MeetAndNoteScratch, {threads, {}}, kExpensive);
    kernel.scratch_bytes = 1000;
    Program program = OneCall(std::move(kernel));
    program.entries[0].inputs = {{"arrived"}, {"wanted"}};
    program.entries[0].calls = {
        {0, {{Space::kInput, 0, 0}, {Space::kInput, 1, 0}, {Space::kOutput, 0, 0}}}};
    FakeWeights weights;
    auto executable = Loaded(std::move(program), &pool, &weights);
    std::atomic<int64_t> arrived{0};
    const int64_t wanted = threads;
    std::vector<char*> scratch(static_cast<size_t>(threads), nullptr);
    RunStep(executable.get(), {1, 1}, {&arrived, &wanted}, static_cast<void*>(scratch.data()));
    std::sort(scratch.begin(), scratch.end());
    for (size_t i = 0; i < scratch.size(); ++i) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch[i]) % 64, 0);
    }
    for (size_t i = 1; i < scratch.size(); ++i) EXPECT_GE(scratch[i] - scratch[i - 1], 1000);
  }
}

// How a kernel was called that may be cut.
struct SeenParts {
  std::atomic<int64_t> parts{0};
  std::atomic<void*> workspace{nullptr};
  std::atomic<int64_t> times[64] = {};  // by part
};
void NoteSplit(const KernelArgs* args) {
  auto* seen = static_cast<SeenParts*>(args->buffers[0]);
  seen->parts = args->parts;
  seen->workspace = args->workspace;
  for (int64_t i = args->begin; i < args->end; ++i) ++seen->times[i];
}

// Two items, or three for R = 8, of T / 8 units each, which may be cut if they are two.
Kernel SplitKernel() {
  Kernel kernel = MakeKernel(NoteSplit, {1, {{1, 3}}}, kExpensive);
  kernel.split = {3, {1, {{0, 8}}}, 1000};
  return kernel;
}

int64_t PartsRunOnce(const SeenParts& seen) {
  int64_t parts = 0;
  for (const auto& times : seen.times) parts += times == 1 ? 1 : 1000 * times;
  return parts;
}

TEST(Executable, CutsTheItemsOfACallThatHasFewInAtMostTheirUnits) {
  ThreadPool pool(2);
  FakeWeights weights;
  auto executable = Loaded(OneCall(SplitKernel()), &pool, &weights);
  SeenParts seen;
  RunStep(executable.get(), {57, 6}, {}, &seen);
  EXPECT_EQ(seen.parts, 8);
  EXPECT_EQ(PartsRunOnce(seen), 2 * 8);
  EXPECT_EQ(executable->parallel_calls(), 1);
  // As large as the units of the largest T ask for, and zero.
  auto* workspace = static_cast<char*>(seen.workspace.load());
  ASSERT_NE(workspace, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(workspace) % 64, 0);
  EXPECT_EQ(std::count(workspace, workspace + 8 * 1000, 0), 8 * 1000);
}

TEST(Executable, CutsTheItemsOfOneCallOnlyWhereSeveralRunSideBySide) {
  ThreadPool pool(2);
  FakeWeights weights;
  auto executable = Loaded(SideBySide(SplitKernel(), 2), &pool, &weights);
  SeenParts first, second;
  RunStep(executable.get(), {57, 6}, {&first, &second}, nullptr);
  EXPECT_EQ(first.parts, 8);
  EXPECT_EQ(PartsRunOnce(first), 2 * 8);
  EXPECT_EQ(second.parts, 1) << "there is one workspace";
  EXPECT_EQ(PartsRunOnce(second), 2);
}

TEST(Executable, CutsNoFinerThanThreadsNeed) {
  ThreadPool pool(2);
  FakeWeights weights;
  Program program = OneCall(SplitKernel());
  program.symbols[0].max = 4096;
  auto executable = Loaded(std::move(program), &pool, &weights);
  SeenParts seen;
  RunStep(executable.get(), {4096, 6}, {}, &seen);
  EXPECT_LT(seen.parts, 4096 / 8);
  EXPECT_EQ(PartsRunOnce(seen), 2 * seen.parts);
}

TEST(Executable, LeavesItemsWholeThatAreManyOrShort) {
  ThreadPool pool(2);
  FakeWeights weights;
  auto executable = Loaded(OneCall(SplitKernel()), &pool, &weights);
  for (const auto& [dims, items] :
       {std::pair(std::vector<int64_t>{64, 8}, 3), std::pair(std::vector<int64_t>{8, 6}, 2)}) {
    SeenParts seen;
    RunStep(executable.get(), dims, {}, &seen);
    EXPECT_EQ(seen.parts, 1);
    EXPECT_EQ(PartsRunOnce(seen), items);
  }
}

TEST(Executable, LeavesItemsWholeWhereOneThreadRunsThem) {
  ThreadPool one(1), two(2);
  FakeWeights weights;
  Kernel cheap = SplitKernel();
  cheap.item_cost = 1;
  for (const auto& [pool, kernel] : {std::pair(&one, SplitKernel()), std::pair(&two, cheap)}) {
    auto executable = Loaded(OneCall(kernel), pool, &weights);
    SeenParts seen;
    RunStep(executable.get(), {64, 6}, {}, &seen);
    EXPECT_EQ(seen.parts, 1);
    EXPECT_EQ(PartsRunOnce(seen), 2);
    EXPECT_EQ(executable->parallel_calls(), 0);
  }
}

// Copies its buffers' addresses to the last one.
void NoteBuffers(const KernelArgs* args) {
  for (int i = 0; i < 4; ++i) static_cast<void**>(args->buffers[4])[i] = args->buffers[i];
}

TEST(Executable, ResolvesInputsWeightsStatesAndTheOutput) {
  ThreadPool pool(1);
  const std::vector<float> first(16), second(16), input0(16), input1(16);
  FakeWeights weights;
  weights.Add("first", first.data());
  weights.Add("second", second.data());
  Program program = OneCall(MakeKernel(NoteBuffers));
  program.weights = {{"first", 64, true}, {"second", 64, true}};
  program.states = {{"k", 4, {0}}, {"v", 4, {0, 1}}};
  program.entries[0].inputs = {{"a"}, {"b"}};
  program.entries[0].calls = {{0,
                               {{Space::kInput, 1, 8},
                                {Space::kWeight, 1, 4},
                                {Space::kState, 1, 12},
                                {Space::kOutput, 0, 0},
                                {Space::kOutput, 0, 16}}}};
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {16, 2};
  auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok());
  std::vector<const void*> output(6, nullptr);
  const void* const inputs[] = {input0.data(), input1.data()};
  ASSERT_EQ(executable->Run(executable->program().entries[0], **states, dims, inputs,
                            static_cast<void*>(output.data())),
            absl::OkStatus());
  EXPECT_THAT(output, ElementsAre(nullptr, nullptr, &input1[2], &second[1],
                                  (*states)->buffer(1) + 12, output.data()));
}

// buffers[1][0] = buffers[0][0] + 1
void Increment(const KernelArgs* args) {
  *static_cast<int32_t*>(args->buffers[1]) = *static_cast<const int32_t*>(args->buffers[0]) + 1;
}

TEST(Executable, PassesValuesOnThroughTheFrameAndTheLoadedMemory) {
  ThreadPool pool(2);
  const int32_t seed = 40;
  FakeWeights weights;
  weights.Add("seed", &seed);
  Program program = OneCall(MakeKernel(Increment));
  program.weights = {{"seed", 4, false}};
  program.loaded_bytes = 128;
  program.frame_bytes = 128;
  program.load = {{0, {{Space::kWeight, 0, 0}, {Space::kLoaded, 0, 64}}}};
  program.entries[0].calls = {{0, {{Space::kLoaded, 0, 64}, {Space::kFrame, 0, 0}}},
                              {0, {{Space::kFrame, 0, 0}, {Space::kFrame, 0, 64}}},
                              {0, {{Space::kFrame, 0, 64}, {Space::kOutput, 0, 0}}}};
  auto executable = Loaded(std::move(program), &pool, &weights);
  for (int step = 0; step < 2; ++step) {
    int32_t output = 0;
    RunStep(executable.get(), {1, 1}, {}, &output);
    EXPECT_EQ(output, 44);
  }
}

TEST(Executable, CreatesZeroedStatesOfTheSizeTheDimsAsk) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(CountItems));
  program.states = {{"k", 6, {0, 1}}, {"constant", 10, {}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {5, 7};
  auto states = executable->CreateStates(dims);
  ASSERT_TRUE(states.ok());
  EXPECT_EQ((*states)->bytes(), 6 * 5 * 7 + 10);
  EXPECT_THAT(std::vector<char>((*states)->buffer(0), (*states)->buffer(0) + 210), Each(0));
  auto others = executable->CreateStates(dims);
  ASSERT_TRUE(others.ok());
  EXPECT_NE((*states)->buffer(0), (*others)->buffer(0));
}

TEST(Executable, SaysWhichStateFindsNoMemory) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(CountItems));
  program.symbols[0].max = int64_t{1} << 60;
  program.states = {{"k_cache[3]", 4, {0}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  const std::vector<int64_t> dims = {int64_t{1} << 60, 1};
  const auto states = executable->CreateStates(dims);
  ASSERT_FALSE(states.ok());
  EXPECT_EQ(states.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(states.status().message()), HasSubstr("state k_cache[3]"));
}

TEST(Executable, RefusesADimOutOfRangeBeforeItRunsAnything) {
  ThreadPool pool(1);
  FakeWeights weights;
  auto executable = Loaded(OneCall(MakeKernel(CountItems)), &pool, &weights);
  const std::vector<int64_t> fine = {1, 1};
  auto states = executable->CreateStates(fine);
  ASSERT_TRUE(states.ok());
  int32_t output = 0;
  for (const auto& [t, r, message] : {std::tuple{65, 1, "symbol T is 65, must be 1..64"},
                                      {0, 1, "symbol T is 0, must be 1..64"},
                                      {64, 9, "symbol R is 9, must be 1..8"}}) {
    const std::vector<int64_t> dims = {t, r};
    const absl::Status status =
        executable->Run(executable->program().entries[0], **states, dims, {}, &output);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), message);
  }
  EXPECT_EQ(output, 0);
}

TEST(Load, AsksForEveryWeightWithItsSizeAndPassesErrorsOn) {
  for (const absl::Status& error :
       {absl::NotFoundError("model.safetensors: no tensor 'b'"),
        absl::InvalidArgumentError("model.safetensors: tensor 'b' has 8 bytes, not 24")}) {
    ThreadPool pool(1);
    const std::vector<float> data(16);
    FakeWeights weights;
    weights.Add("a", data.data());
    weights.Fail("b", error);
    Program program = OneCall(MakeKernel(CountItems));
    program.weights = {{"a", 12, true}, {"b", 24, false}};
    auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
    ASSERT_TRUE(executable.ok());
    EXPECT_EQ((*executable)->Load(&weights, nullptr), error);
    EXPECT_THAT(weights.asked(),
                ElementsAre(std::pair("a", int64_t{12}), std::pair("b", int64_t{24})));
  }
}

// What a tensor of ReadingProgram holds.
struct LoggedTensor {
  std::vector<std::string>* log;
  std::string name;
};

// Notes which tensors it reads.
void LogRead(const KernelArgs* args) {
  for (int i = 0; i < 2; ++i) {
    const auto* tensor = static_cast<const LoggedTensor*>(args->buffers[i]);
    tensor->log->push_back("read " + tensor->name);
  }
}

TEST(Load, ReleasesEachWeightOnceAfterItsLastReader) {
  ThreadPool pool(1);
  FakeWeights weights;
  std::vector<LoggedTensor> tensors;
  for (const char* name : {"a", "b", "c"}) tensors.push_back({weights.log(), name});
  for (const LoggedTensor& tensor : tensors) weights.Add(tensor.name, &tensor);
  Program program = OneCall(MakeKernel(LogRead));
  program.weights = {{"a", 10, false}, {"b", 20, true}, {"c", 30, false}};
  const BufferRef a{Space::kWeight, 0, 0}, b{Space::kWeight, 1, 0}, c{Space::kWeight, 2, 0};
  program.load = {{0, {a, b}}, {0, {c, c}}, {0, {b, a}}};
  program.entries[0].calls = {{0, {b, b}}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  std::vector<int64_t> progress;
  const absl::Status loaded = (*executable)->Load(&weights, [&](int64_t done, int64_t total) {
    EXPECT_EQ(total, 60);
    progress.push_back(done);
  });
  ASSERT_EQ(loaded, absl::OkStatus());
  EXPECT_THAT(*weights.log(), ElementsAre("read a", "read b", "read c", "read c", "release c 0+30",
                                          "read b", "read a", "release a 0+10"));
  EXPECT_THAT(progress, ElementsAre(30, 50, 60, 60));

  weights.log()->clear();
  RunStep(executable->get(), {1, 1}, {}, nullptr);
  EXPECT_THAT(*weights.log(), ElementsAre("read b", "read b"));
}

// What the load list alone reads is asked for by its first reader: of what is made when it is asked
// for, no more than one is in memory.
TEST(Load, AsksForAWeightOfTheLoadListWhenItIsRead) {
  ThreadPool pool(1);
  FakeWeights weights;
  std::vector<LoggedTensor> tensors;
  for (const char* name : {"a", "b"}) tensors.push_back({weights.log(), name});
  for (const LoggedTensor& tensor : tensors) weights.Add(tensor.name, &tensor);
  weights.Fail("c", absl::NotFoundError("no c"));
  Program program = OneCall(MakeKernel(LogRead));
  program.weights = {{"a", 10, false}, {"b", 20, true}, {"c", 30, false}};
  const BufferRef a{Space::kWeight, 0, 0}, c{Space::kWeight, 2, 0};
  program.load = {{0, {a, a}}, {0, {c, c}}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  EXPECT_EQ((*executable)->Load(&weights, nullptr), absl::NotFoundError("no c"));
  EXPECT_THAT(*weights.log(), ElementsAre("read a", "read a", "release a 0+10"));
  EXPECT_THAT(weights.asked(), ElementsAre(std::pair("b", int64_t{20}), std::pair("a", int64_t{10}),
                                           std::pair("c", int64_t{30})));
}

// Notes in the log of its first buffer which items it was given.
void LogItems(const KernelArgs* args) {
  const auto* tensor = static_cast<const LoggedTensor*>(args->buffers[0]);
  tensor->log->push_back(absl::StrCat("items ", args->begin, "..", args->end));
}

TEST(Load, ReleasesAWeightSliceBySliceWhenItsItemsReadItFrontToBack) {
  ThreadPool pool(1);
  FakeWeights weights;
  const LoggedTensor tensor{weights.log(), "a"};
  weights.Add("a", &tensor);
  constexpr int64_t kItemBytes = 6 << 20;  // two items make a slice of at most 16 MiB
  Kernel kernel = MakeKernel(LogItems, {5, {}});
  kernel.item_read_bytes = kItemBytes;
  Program program = OneCall(kernel);
  program.weights = {{"a", 5 * kItemBytes, false}};
  const BufferRef a{Space::kWeight, 0, 0};
  program.load = {{0, {a}}, {0, {a}}};
  program.entries[0].calls.clear();
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
  EXPECT_THAT(*weights.log(),
              ElementsAre("items 0..5",  // not the last reader: the weight is still needed
                          "items 0..2", absl::StrCat("release a 0+", 2 * kItemBytes), "items 2..4",
                          absl::StrCat("release a ", 2 * kItemBytes, "+", 2 * kItemBytes),
                          "items 4..5", absl::StrCat("release a ", 4 * kItemBytes, "+", kItemBytes),
                          absl::StrCat("release a 0+", 5 * kItemBytes)));
}

TEST(Load, ReleasesNoMoreThanAWeightHasWhereItsLastItemIsShorter) {
  ThreadPool pool(1);
  constexpr int64_t kItemBytes = 12 << 20;  // each is a slice
  for (const int64_t last : {int64_t{1}, kItemBytes - 1, kItemBytes}) {
    FakeWeights weights;
    const LoggedTensor tensor{weights.log(), "a"};
    weights.Add("a", &tensor);
    Kernel kernel = MakeKernel(LogItems, {2, {}});
    kernel.item_read_bytes = kItemBytes;
    Program program = OneCall(kernel);
    program.weights = {{"a", kItemBytes + last, false}};
    program.load = {{0, {{Space::kWeight, 0, 0}}}};
    program.entries[0].calls.clear();
    auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
    ASSERT_TRUE(executable.ok());
    ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
    EXPECT_THAT(*weights.log(),
                ElementsAre("items 0..1", absl::StrCat("release a 0+", kItemBytes), "items 1..2",
                            absl::StrCat("release a ", kItemBytes, "+", last),
                            absl::StrCat("release a 0+", kItemBytes + last)));
  }
}

TEST(Load, ReleasesNothingTwiceWhereItsItemsGoOnBehindTheWeight) {
  ThreadPool pool(1);
  FakeWeights weights;
  const LoggedTensor tensor{weights.log(), "a"};
  weights.Add("a", &tensor);
  Kernel kernel = MakeKernel(LogItems, {3, {}});
  kernel.item_read_bytes = 16 << 20;
  Program program = OneCall(kernel);
  program.weights = {{"a", 5, false}};
  program.load = {{0, {{Space::kWeight, 0, 0}}}};
  program.entries[0].calls.clear();
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  ASSERT_EQ((*executable)->Load(&weights, nullptr), absl::OkStatus());
  EXPECT_THAT(*weights.log(), ElementsAre("items 0..1", "release a 0+5", "items 1..2", "items 2..3",
                                          "release a 0+5"));
}

TEST(Load, ReportsAllBytesDoneWhenNoCallReadsWeights) {
  ThreadPool pool(1);
  const float data = 0;
  FakeWeights weights;
  weights.Add("a", &data);
  Program program = OneCall(MakeKernel(CountItems));
  program.weights = {{"a", 4, true}};
  auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok());
  std::vector<std::pair<int64_t, int64_t>> progress;
  ASSERT_EQ((*executable)
                ->Load(&weights,
                       [&](int64_t done, int64_t total) { progress.emplace_back(done, total); }),
            absl::OkStatus());
  EXPECT_THAT(progress, ElementsAre(std::pair(int64_t{4}, int64_t{4})));
  EXPECT_THAT(*weights.log(), IsEmpty());
}

void NoteDims(const KernelArgs* args) {
  auto* noted = static_cast<int64_t*>(args->buffers[0]);
  for (int i = 0; i < 2; ++i) noted[i] = args->dims[i];
}

TEST(Load, RunsWithTheSymbolsAtTheirMaxima) {
  ThreadPool pool(1);
  Program program = OneCall(MakeKernel(NoteDims));
  program.kernels.push_back(MakeKernel([](const KernelArgs* args) {
    std::copy_n(static_cast<const int64_t*>(args->buffers[0]), 2,
                static_cast<int64_t*>(args->buffers[1]));
  }));
  program.loaded_bytes = 64;
  program.load = {{0, {{Space::kLoaded, 0, 0}}}};
  program.entries[0].calls = {{1, {{Space::kLoaded, 0, 0}, {Space::kOutput, 0, 0}}}};
  FakeWeights weights;
  auto executable = Loaded(std::move(program), &pool, &weights);
  std::vector<int64_t> output(2, 0);
  RunStep(executable.get(), {3, 2}, {}, output.data());
  EXPECT_THAT(output, ElementsAre(64, 8));
}

TEST(Executable, AllocatesNothingInAStep) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    Program program = OneCall(MakeKernel(CountItems, {1, {{0, 1}}}, kExpensive));
    program.entries[0].calls.push_back({0, {{Space::kFrame, 0, 0}}});
    program.frame_bytes = 64 * 4;
    FakeWeights weights;
    auto executable = Loaded(std::move(program), &pool, &weights);
    const std::vector<int64_t> dims = {64, 1};
    auto states = executable->CreateStates(dims);
    ASSERT_TRUE(states.ok());
    std::vector<int32_t> output(64, 0);
    const int64_t before = AllocationCount();
    const absl::Status status =
        executable->Run(executable->program().entries[0], **states, dims, {}, output.data());
    const int64_t after = AllocationCount();
    EXPECT_EQ(status, absl::OkStatus());
    EXPECT_EQ(after, before);
    EXPECT_THAT(output, Each(1));
  }
}

}  // namespace
}  // namespace lluda::runtime
