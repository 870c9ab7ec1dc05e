#include "cli/call_name.h"

#include "gtest/gtest.h"

namespace lluda::cli {
namespace {

TEST(CallNameTest, TheIndexIsFoundBehindTheFunctionOrTheGlobal) {
  const CallName layer = ParseCallName("attn[3].qkv");
  EXPECT_EQ(layer.func, "attn");
  EXPECT_EQ(layer.index, 3);
  EXPECT_EQ(layer.statement, "qkv");
  const CallName loaded = ParseCallName("load.wqkv[27]");
  EXPECT_EQ(loaded.Base(), "load.wqkv");
  EXPECT_EQ(loaded.index, 27);
  EXPECT_EQ(ParseCallName("step.x0").index, -1);
}

TEST(CallNameTest, AStatementIsUnderstoodHoweverADumpOrAProfileSpellsIt) {
  for (const char* text : {"attn.qkv", "attn[3].qkv", "@attn %qkv", " @attn %qkv "}) {
    EXPECT_EQ(NormalCallName(text), "attn.qkv") << text;
  }
  EXPECT_EQ(NormalCallName("load @wqkv"), "load.wqkv");
  EXPECT_EQ(NormalCallName("rope_f32_f32"), "rope_f32_f32");
}

TEST(CallNameTest, RoundsThatCallTheSameKernelsAreOne) {
  const auto call = [](uint32_t kernel, const char* name) {
    runtime::Call made;
    made.kernel = kernel;
    made.name = name;
    return made;
  };
  const std::vector<runtime::Call> calls = {
      call(0, "step.a"), call(1, "f[0].x"), call(2, "g[0].y"), call(1, "f[1].x"), call(2, "g[1].y"),
      call(1, "f[2].x"), call(3, "g[2].y"), call(0, "step.b"), call(0, "step.c"),
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

}  // namespace
}  // namespace lluda::cli
