#include "runtime/machine/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::runtime {
namespace {

using ::testing::HasSubstr;

bool IsMapped(const void* page) {
  return msync(const_cast<void*>(page), 1, MS_ASYNC) == 0 || errno != ENOMEM;
}

bool IsResident(const void* page) {
  unsigned char resident = 0;
  EXPECT_EQ(mincore(const_cast<void*>(page), 1, &resident), 0);
  return (resident & 1) != 0;
}

Memory Allocated(int64_t bytes) {
  absl::StatusOr<Memory> memory = Memory::Allocate(bytes, Pages::kSmall, "test");
  EXPECT_TRUE(memory.ok()) << memory.status();
  return memory.ok() ? *std::move(memory) : Memory();
}

TEST(Memory, IsZeroedWritableAndOfTheSizeAskedFor) {
  for (const int64_t bytes : {int64_t{1}, int64_t{4097}, int64_t{3} << 20}) {
    const Memory memory = Allocated(bytes);
    ASSERT_EQ(memory.size(), bytes);
    EXPECT_TRUE(
        std::all_of(memory.data(), memory.data() + bytes, [](char byte) { return byte == 0; }));
    std::fill(memory.data(), memory.data() + bytes, 'x');
    EXPECT_EQ(memory.data()[bytes - 1], 'x');
  }
}

TEST(Memory, StartsAtACacheLine) {
  EXPECT_EQ(reinterpret_cast<uintptr_t>(Allocated(1).data()) % 64, 0);
}

TEST(Memory, OfZeroBytesIsEmpty) {
  const Memory memory = Allocated(0);
  EXPECT_EQ(memory.size(), 0);
  EXPECT_EQ(memory.data(), nullptr);
}

TEST(Memory, IsCommittedOnlyWhereItIsTouched) {
  const Memory memory = Allocated(int64_t{64} << 20);
  EXPECT_FALSE(IsResident(memory.data()));
  char* const middle = memory.data() + (int64_t{32} << 20);
  *middle = 1;
  EXPECT_TRUE(IsResident(middle));
  EXPECT_FALSE(IsResident(memory.data()));
}

TEST(Memory, ThatTheSystemRefusesIsAnErrorThatNamesItsPurposeAndSize) {
  const absl::StatusOr<Memory> memory =
      Memory::Allocate(int64_t{1} << 62, Pages::kHuge, "packed weights");
  ASSERT_FALSE(memory.ok());
  EXPECT_EQ(memory.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(memory.status().message()), HasSubstr("packed weights"));
  EXPECT_THAT(std::string(memory.status().message()), HasSubstr("4611686018427387904 bytes"));
}

TEST(Memory, GoesBackToTheSystemWithItsObject) {
  const char* data = nullptr;
  {
    const Memory memory = Allocated(4096);
    data = memory.data();
    EXPECT_TRUE(IsMapped(data));
  }
  EXPECT_FALSE(IsMapped(data));
}

TEST(Memory, MovesWithoutCopying) {
  Memory first = Allocated(4096);
  char* const data = first.data();
  data[7] = 42;
  Memory second = std::move(first);
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(second.size(), 4096);
  EXPECT_EQ(second.data()[7], 42);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT: a moved-from block is empty
  EXPECT_EQ(first.size(), 0);
}

TEST(Memory, MoveAssignedGivesTheOldBlockBackOnce) {
  const char* old = nullptr;
  const char* kept = nullptr;
  {
    Memory memory = Allocated(4096);
    old = memory.data();
    memory = Allocated(8192);
    kept = memory.data();
    EXPECT_EQ(memory.size(), 8192);
    EXPECT_FALSE(IsMapped(old));
    EXPECT_TRUE(IsMapped(kept));
  }
  EXPECT_FALSE(IsMapped(kept));
}

TEST(Memory, OfAnotherKindIsGivenBackOnceByWhoMadeIt) {
  char block[64];
  std::vector<int64_t> released;
  {
    Memory first(block, sizeof(block), [&](char* data, int64_t size) {
      EXPECT_EQ(data, block);
      released.push_back(size);
    });
    Memory second = std::move(first);
    EXPECT_EQ(second.data(), block);
    EXPECT_EQ(first.data(), nullptr);
    EXPECT_TRUE(released.empty());
  }
  EXPECT_EQ(released, std::vector<int64_t>{64});
}

}  // namespace
}  // namespace lluda::runtime
