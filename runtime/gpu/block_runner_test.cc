#include "runtime/gpu/block_runner.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

SimulatedThread* ThreadOf(const KernelArgs* args) {
  return static_cast<SimulatedThread*>(args->scratch);
}
uint32_t* ResultOf(const KernelArgs* args) { return static_cast<uint32_t*>(args->buffers[0]); }

// What the threads of a block leave in the first buffer.
std::vector<uint32_t> RunBlock(KernelFn fn, absl::Status* status) {
  auto runner = BlockRunner::Create();
  EXPECT_TRUE(runner.ok()) << runner.status();
  std::vector<uint32_t> results(kBlockThreads, 0);
  void* buffers[] = {results.data()};
  *status = (*runner)->Run(fn, buffers, nullptr, 7);
  return results;
}

TEST(BlockRunner, EachThreadRunsOnceAndKnowsItsBlock) {
  absl::Status status;
  const auto results = RunBlock(
      [](const KernelArgs* args) {
        ResultOf(args)[ThreadOf(args)->index] += static_cast<uint32_t>(args->begin);
      },
      &status);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(results, Each(7u));
}

TEST(BlockRunner, AShuffleGivesTheOtherLanesValueHoweverOftenLanesMeet) {
  absl::Status status;
  const auto results = RunBlock(
      [](const KernelArgs* args) {
        SimulatedThread* thread = ThreadOf(args);
        const auto lane = static_cast<uint32_t>(thread->index % kWarpThreads);
        uint32_t sum = static_cast<uint32_t>(thread->index);
        for (uint32_t distance = 16; distance >= 1; distance /= 2) {
          sum += thread->shuffle(thread, sum, lane ^ distance);
        }
        ResultOf(args)[thread->index] = sum;
      },
      &status);
  EXPECT_EQ(status, absl::OkStatus());
  for (uint32_t warp = 0; warp < kBlockWarps; ++warp) {
    // 32 numbers from 32 * warp on.
    EXPECT_EQ(results[32 * warp + 5], 32 * 32 * warp + 31 * 16);
  }
}

TEST(BlockRunner, BehindABarrierAllSeeWhatWasSharedBefore) {
  absl::Status status;
  const auto results = RunBlock(
      [](const KernelArgs* args) {
        SimulatedThread* thread = ThreadOf(args);
        auto* shared = reinterpret_cast<uint32_t*>(thread->shared);
        uint32_t wrong = shared[thread->index] == 0xFFFFFFFF ? 0 : 1;  // NaNs at first
        for (uint32_t round = 0; round < 3; ++round) {
          shared[thread->index] = round;
          thread->barrier(thread);
          for (int i = 0; i < kBlockThreads; ++i) wrong += shared[i] == round ? 0 : 1;
          thread->barrier(thread);
        }
        ResultOf(args)[thread->index] = wrong;
      },
      &status);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(results, Each(0u));
}

TEST(BlockRunner, ThreadsThatWaitForeverAreFound) {
  absl::Status status;
  RunBlock(
      [](const KernelArgs* args) {
        if (ThreadOf(args)->index != 3) ThreadOf(args)->barrier(ThreadOf(args));
      },
      &status);
  EXPECT_THAT(std::string(status.message()), HasSubstr("wait for each other"));
  RunBlock(
      [](const KernelArgs* args) {
        SimulatedThread* thread = ThreadOf(args);
        if (thread->index == 40) thread->barrier(thread);
        thread->shuffle(thread, 0, 0);
      },
      &status);
  EXPECT_FALSE(status.ok());
}

}  // namespace
}  // namespace lluda::runtime
