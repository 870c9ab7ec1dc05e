// How a region's calls are shared between threads, seen by kernels written by hand.
#include "runtime/cpu_device.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/executable_test_util.h"
#include "runtime/timeline.h"

namespace lluda::runtime {
namespace {

using ::testing::Each;

// output[begin] = end: where the parts of a call were cut.
void NoteParts(const KernelArgs* args) {
  static_cast<int64_t*>(args->buffers[0])[args->begin] = args->end;
}

TEST(CpuDevice, SharesACallWhenItsWorkIsWorthWakingThreads) {
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

TEST(CpuDevice, TakesTheCostSymbolIntoAccount) {
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

TEST(CpuDevice, KeepsACallWholeOnOneThread) {
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

TEST(CpuDevice, NotesWhenACallRanAndWhoWorkedOnItWhileItIsTold) {
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

TEST(CpuDevice, RunsCallsSideBySideInOneLoop) {
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

TEST(CpuDevice, SharesCallsThatAreTogetherWorthIt) {
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

TEST(CpuDevice, NotesCallsThatRanSideBySideAsOneRegion) {
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

TEST(CpuDevice, GivesEachThreadScratchMemoryOfItsOwn) {
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

TEST(CpuDevice, CutsTheItemsOfACallThatHasFewInAtMostTheirUnits) {
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

TEST(CpuDevice, CutsTheItemsOfOneCallOnlyWhereSeveralRunSideBySide) {
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

TEST(CpuDevice, CutsNoFinerThanThreadsNeed) {
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

TEST(CpuDevice, LeavesItemsWholeThatAreManyOrShort) {
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

TEST(CpuDevice, LeavesItemsWholeWhereOneThreadRunsThem) {
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

}  // namespace
}  // namespace lluda::runtime
