#include "runtime/session/state_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "runtime/cpu_device.h"
#include "runtime/machine/memory.h"

namespace lluda::runtime {
namespace {

using ::testing::SizeIs;

enum { kSlots, kCapacity };
constexpr int64_t kDims[] = {2, 128};

// Keys of two heads, 64 bytes a position each; and scales, too small for pages of their own.
Program TwoStates() {
  Program program;
  program.symbols = {{"S", 1, 4}, {"C", 64, 256}};
  program.states = {{"keys", 128, {kSlots, kCapacity}, 0, {/*runs=*/2, /*group=*/16}},
                    {"scales", 4, {kSlots, kCapacity}, 0, {/*runs=*/1, /*group=*/1}}};
  return program;
}

TEST(StateMemory, CountsPagesAndWhatIsThereInFull) {
  const Program program = TwoStates();
  const StateMemory memory(program, kDims, kSlots, kCapacity);
  EXPECT_EQ(memory.page_bytes(), 64 * 128);
  EXPECT_EQ(memory.Bytes(0), 2 * 128 * 4);
  EXPECT_EQ(memory.Bytes(4), 2 * 128 * 132);
}

TEST(StateMemory, APageLiesInEachHeadOfItsSlot) {
  ThreadPool pool(1);
  auto executable = Executable::Create(TwoStates(), std::make_unique<CpuDevice>(&pool));
  ASSERT_TRUE(executable.ok()) << executable.status();
  auto states = (*executable)->CreateStates(kDims);
  ASSERT_TRUE(states.ok()) << states.status();
  const StateMemory memory((*executable)->program(), kDims, kSlots, kCapacity);
  const StateMemory::Ranges ranges = memory.PageRanges(**states, /*slot=*/1, /*page=*/1);
  ASSERT_THAT(ranges, SizeIs(2));
  char* const keys = (*states)->buffer(0);
  // A slot has 2 runs of 128 positions.
  EXPECT_EQ(ranges[0].data() - keys, 2 * 8192 + 4096);
  EXPECT_EQ(ranges[1].data() - keys, 2 * 8192 + 8192 + 4096);
  EXPECT_EQ(ranges[0].size(), 4096u);
  const StateMemory::Ranges fixed = memory.FixedRanges(**states);
  ASSERT_THAT(fixed, SizeIs(1));
  EXPECT_EQ(fixed[0].data(), (*states)->buffer(1));
  EXPECT_EQ(fixed[0].size(), 2u * 128 * 4);
  // What is given back is zero, and its neighbours stay.
  std::memset(keys, 'x', 2 * 128 * 128);
  DiscardPages(ranges[0].data(), static_cast<int64_t>(ranges[0].size()));
  EXPECT_EQ(ranges[0].data()[0], 0);
  EXPECT_EQ(ranges[0].data()[4095], 0);
  EXPECT_EQ(ranges[0].data()[-1], 'x');
  EXPECT_EQ(ranges[0].data()[4096], 'x');
}

TEST(StateMemory, WhatIsNotWholePagesIsThereInFull) {
  Program program = TwoStates();
  program.states[0].positions.runs = 0;
  const StateMemory memory(program, kDims, kSlots, kCapacity);
  EXPECT_EQ(memory.page_bytes(), 0);
  EXPECT_EQ(memory.Bytes(1), memory.Bytes(4));
}

}  // namespace
}  // namespace lluda::runtime
