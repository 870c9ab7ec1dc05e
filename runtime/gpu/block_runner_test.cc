#include "runtime/gpu/block_runner.h"

#include <cstring>
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

// bf16 of a small integer.
uint32_t Bf16(int value) {
  const auto number = static_cast<float>(value);
  uint32_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits >> 16;
}

// a[row][k] is row + k, b[k][column] is k - column, and every sum begins with 100.
TEST(BlockRunner, AWarpsProductIsThatOfTheFragmentsOfPtx) {
  absl::Status status;
  const auto results = RunBlock(
      [](const KernelArgs* args) {
        SimulatedThread* thread = ThreadOf(args);
        const int lane = static_cast<int>(thread->index % kWarpThreads);
        const int g = lane / 4, t = lane % 4;
        uint32_t a[4], b[2];
        float sums[4] = {100, 100, 100, 100};
        for (int i = 0; i < 4; ++i) {
          const int row = g + i % 2 * 8, k = 2 * t + i / 2 * 8;
          a[i] = Bf16(row + k) | Bf16(row + k + 1) << 16;
        }
        for (int i = 0; i < 2; ++i) {
          const int k = 2 * t + i * 8;
          b[i] = Bf16(k - g) | Bf16(k + 1 - g) << 16;
        }
        thread->multiply(thread, a, b, sums);
        int wrong = 0;
        for (int i = 0; i < 4; ++i) {
          const int row = g + i / 2 * 8, column = 2 * t + i % 2;
          int expected = 100;
          for (int k = 0; k < 16; ++k) expected += (row + k) * (k - column);
          wrong += sums[i] == static_cast<float>(expected) ? 0 : 1;
        }
        ResultOf(args)[thread->index] = static_cast<uint32_t>(wrong);
      },
      &status);
  EXPECT_EQ(status, absl::OkStatus());
  EXPECT_THAT(results, Each(0u));
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
