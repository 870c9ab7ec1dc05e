#include "tools/ir/call_rounds.h"

#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

TEST(CallRoundsTest, RoundsThatCallTheSameKernelsAreOne) {
  const auto call = [](uint32_t kernel, const char* function, int64_t index, const char* value) {
    runtime::Call made;
    made.kernel = kernel;
    made.site = {function, index, value};
    return made;
  };
  const std::vector<runtime::Call> calls = {
      call(0, "step", -1, "a"), call(1, "f", 0, "x"),     call(2, "g", 0, "y"),
      call(1, "f", 1, "x"),     call(2, "g", 1, "y"),     call(1, "f", 2, "x"),
      call(3, "g", 2, "y"),     call(0, "step", -1, "b"), call(0, "step", -1, "c"),
  };
  const std::vector<CallRound> rounds = RoundsOf(calls);
  ASSERT_EQ(rounds.size(), 4u);
  EXPECT_EQ(rounds[0].times, 1);
  EXPECT_EQ(rounds[1].begin, 1u);
  EXPECT_EQ(rounds[1].end, 3u);
  EXPECT_EQ(rounds[1].times, 2);
  EXPECT_EQ(rounds[2].begin, 5u);  // another kernel for g.y
  EXPECT_EQ(rounds[2].times, 1);
  EXPECT_EQ(rounds[3].end, 9u);
}

TEST(CallRoundsTest, ALoadedTensorsCopiesAreOne) {
  std::vector<runtime::Call> calls(3);
  for (size_t i = 0; i < calls.size(); ++i) {
    calls[i].site = {"load", static_cast<int64_t>(i), "wo"};
  }
  const std::vector<CallRound> rounds = RoundsOf(calls);
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_EQ(rounds[0].times, 3);
}

}  // namespace
}  // namespace lluda::tools
