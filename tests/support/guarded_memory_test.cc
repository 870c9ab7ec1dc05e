#include "tests/support/guarded_memory.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lluda::tests {
namespace {

TEST(GuardedMemoryTest, HoldsTheBytes) {
  for (const size_t size : {size_t{1}, size_t{100}, size_t{4096}, size_t{5000}}) {
    const std::string bytes(size, 'x');
    const GuardedMemory memory({bytes.data(), bytes.size()});
    EXPECT_EQ(std::string(memory.data(), memory.size()), bytes);
  }
}

TEST(GuardedMemoryTest, AMoveKeepsTheAddress) {
  std::vector<GuardedMemory> all;
  all.emplace_back(absl::Span<const char>("abc", 3));
  const char* before = all[0].data();
  all.emplace_back(absl::Span<const char>("d", 1));
  EXPECT_EQ(all[0].data(), before);
  EXPECT_EQ(all[0].data()[2], 'c');
}

TEST(GuardedMemoryDeathTest, AReadPastTheEndEndsTheProcess) {
  const GuardedMemory memory({"abc", 3});
  EXPECT_DEATH(
      {
        volatile char read = memory.data()[3];
        (void)read;
      },
      "");
}

TEST(GuardedMemoryDeathTest, AWriteEndsTheProcess) {
  const GuardedMemory memory({"abc", 3});
  EXPECT_DEATH(*const_cast<volatile char*>(memory.data()) = 'x', "");
}

}  // namespace
}  // namespace lluda::tests
