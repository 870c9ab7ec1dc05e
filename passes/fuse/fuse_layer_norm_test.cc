#include "passes/fuse/fuse_layer_norm.h"

#include <string>

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kFormula[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : bf16 hid[4] from "norm"
  weight @bias : f32 hid[4] from "bias"
  func @f(%x: f32 tok[T] hid[4], %y: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %s = reduce_sum %x over hid : f32 tok[T]
    %m = scale %s {by = 0.25} : f32 tok[T]
    %c = sub %x %m : f32 tok[T] hid[4]
    %n = rmsnorm %c @norm over hid {eps = 1e-05} : f32 tok[T] hid[4]
    %h = add %n @bias : f32 tok[T] hid[4]
    return %h
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : bf16 hid[4] from "norm"
  weight @bias : f32 hid[4] from "bias"
  func @f(%x: f32 tok[T] hid[4], %y: f32 tok[T] hid[4]) -> f32 tok[T] hid[4] {
    %h = layernorm %x @norm @bias over hid {eps = 1e-05} : f32 tok[T] hid[4] by fuse-layer-norm
    return %h
  }
}
)";

class FuseLayerNormTest : public testing::Test {
 protected:
  FuseLayerNorm pass_;
};

TEST_F(FuseLayerNormTest, TurnsFiveStatementsIntoOne) {
  const Outcome outcome = RunOn(&pass_, kFormula);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseLayerNormTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kFormula, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseLayerNormTest, LeavesAnotherFactorAlone) {
  ExpectMiss(&pass_, Edited(kFormula, "{by = 0.25}", "{by = 0.2}"), "h",
             "'m' must be by one over the length of 'hid'");
}

TEST_F(FuseLayerNormTest, LeavesTheMeanOfAnotherValueAlone) {
  ExpectMiss(&pass_, Edited(kFormula, "reduce_sum %x", "reduce_sum %y"), "h",
             "operand 0 of 's' is %y, expected %x");
}

TEST_F(FuseLayerNormTest, LeavesASumWithAResidualAlone) {
  ExpectMiss(&pass_, Edited(kFormula, "add %n @bias", "add %n %y"), "h",
             "%y is f32 tok[T] hid[4], expected f32 hid[4]");
}

TEST_F(FuseLayerNormTest, LeavesAMeanWithAFurtherUserAlone) {
  const std::string text = Edited(kFormula, "return %h", R"(%z = add %h %m : f32 tok[T] hid[4]
    return %z)");
  ExpectMiss(&pass_, text, "h", "'m' has 2 uses, expected 1");
}

}  // namespace
}  // namespace lluda::passes
