#include "passes/place/hoist_weight_ops.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// 2 layers of 8 x 4 bf16 elements, and 8 x 4 f32 elements.
constexpr char kText[] = R"(lluda 1
module @m {
  symbol T in 1..4
  weight @w[layer < 2] : f32 q[8] hid[4] from "w.{layer}"
  weight @u : f32 p[8] hid[4] from "u"
  func @f[layer < 2](%h: bf16 tok[T] hid[4], %g: f32 tok[T] p[8]) -> f32 tok[T] q[8] {
    %wb = cast @w[layer] {out = bf16} : bf16 q[8] hid[4]
    %a = matmul %h %wb over hid : f32 tok[T] q[8]
    %ut = permute @u to hid p : f32 hid[4] p[8]
    %b = matmul %g %ut over p : f32 tok[T] hid[4]
    return %a
  }
}
)";

TEST(HoistWeightOpsTest, CountsTheBytesOfAllLayers) {
  HoistWeightOps pass;
  const Outcome outcome = RunOn(&pass, kText);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  const auto module = Parsed(kText);
  ASSERT_TRUE(pass.Run(module.get()).ok());
  EXPECT_EQ(pass.bytes_added(), 2 * 8 * 4 * 2 + 8 * 4 * 4);
}

TEST(HoistWeightOpsTest, LeavesWhatTheLimitDoesNotAllowWithAReason) {
  HoistWeightOps pass(/*byte_limit=*/200);
  const Outcome outcome = RunOn(&pass, kText);
  EXPECT_THAT(outcome.text, HasSubstr("@wb[layer] = cast @w[layer] {out = bf16}"));
  EXPECT_THAT(outcome.text, HasSubstr("    %ut = permute @u to hid p"));
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].func, "f");
  EXPECT_EQ(outcome.misses[0].statement, "ut");
  EXPECT_EQ(outcome.misses[0].reason, "needs 128 bytes, 72 are left of the limit of 200");
}

TEST(HoistWeightOpsTest, TheGlobalsOfTwoFunctionsGetDifferentNames) {
  const std::string text = Edited(kText, "    return %a\n  }\n", R"(    return %a
  }
  func @g(%h: f32 tok[T] p[8]) -> f32 tok[T] hid[4] {
    %ut = permute @u to hid p : f32 hid[4] p[8]
    %b = matmul %h %ut over p : f32 tok[T] hid[4]
    return %b
  }
)");
  HoistWeightOps pass;
  const Outcome outcome = RunOn(&pass, text);
  EXPECT_THAT(outcome.text, HasSubstr("  @ut = permute @u to hid p"));
  EXPECT_THAT(outcome.text, HasSubstr("  @ut_1 = permute @u to hid p"));
  EXPECT_THAT(outcome.text, HasSubstr("matmul %h @ut_1 over p"));
}

TEST(HoistWeightOpsTest, AnIndexedGlobalThatReadsALaterOneGetsALoopAfterIt) {
  // The load block's loop ends before @late is defined, so it cannot hold @wl.
  const std::string text =
      Edited(Edited(kText, "  func @f", R"(  load {
    for layer in 0..2 {
      @early[layer] = exp @w[layer] : f32 q[8] hid[4]
    }
    @late = exp @u : f32 p[8] hid[4]
  }
  func @f)"),
             "    return %a\n", R"(    %wl = add @early[layer] @late : f32 q[8] hid[4] p[8]
    %c = add %wl %g : f32 q[8] hid[4] p[8] tok[T]
    return %a
)");
  HoistWeightOps pass;
  const Outcome outcome = RunOn(&pass, text);
  const size_t late = outcome.text.find("@late = exp");
  const size_t hoisted = outcome.text.find("@wl[layer] = add");
  ASSERT_NE(late, std::string::npos);
  ASSERT_NE(hoisted, std::string::npos);
  EXPECT_LT(late, hoisted);
}

TEST(HoistWeightOpsTest, AStatementOfALoopIsHoistedForTheLoopsRows) {
  HoistWeightOps pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  weight @w[layer < 3] : f32 d[4] from "w.{layer}"
  func @f(%x: f32 d[4]) -> f32 d[4] {
    %init = exp %x : f32 d[4]
    %out = for layer in 0..2 carry %c = %init {
      %e = exp @w[layer] : f32 d[4]
      %y = add %c %e : f32 d[4]
      yield %y
    } : f32 d[4]
    return %out
  }
}
)");
  EXPECT_THAT(outcome.text, HasSubstr("    for layer in 0..2 {\n      @e[layer] = exp @w[layer]"));
  EXPECT_THAT(outcome.text, HasSubstr("%y = add %c @e[layer]"));
  EXPECT_THAT(outcome.text, Not(HasSubstr("%e = exp")));
}

}  // namespace
}  // namespace lluda::passes
