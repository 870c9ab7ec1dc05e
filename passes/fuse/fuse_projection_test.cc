#include "passes/fuse/fuse_projection.h"

#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kNormRope[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wq : bf16 q[64] hid[6] from "q"
  weight @norm : f32 dim[16] from "norm"
  func @f(%h: bf16 tok[T] hid[6], %cos: f32 tok[T] pair[8], %sin: f32 tok[T] pair[8]) -> f32 tok[T] kv[4] dim[16] {
    %q0 = matmul %h @wq over hid : f32 tok[T] q[64]
    %q1 = split %q0 q -> kv[4] dim[16] : f32 tok[T] kv[4] dim[16]
    %q2 = rmsnorm %q1 @norm over dim {eps = 1e-06} : f32 tok[T] kv[4] dim[16]
    %q3 = rope %q2 %cos %sin over dim {style = half} : f32 tok[T] kv[4] dim[16]
    return %q3
  }
}
)";

// The same with an append of the result.
constexpr char kKeys[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wk : bf16 kd[32] hid[6] from "k"
  weight @norm : f32 dim[16] from "norm"
  state @cache : bf16 slot[2] kv[2] pos[8] dim[16]
  func @f(%h: bf16 tok[T] hid[6], %cos: f32 tok[T] pair[8], %sin: f32 tok[T] pair[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 slot[2] kv[2] pos[8] dim[16] {
    %k0 = matmul %h @wk over hid : f32 tok[T] kd[32]
    %k1 = split %k0 kd -> kv[2] dim[16] : f32 tok[T] kv[2] dim[16]
    %k2 = rmsnorm %k1 @norm over dim {eps = 1e-06} : f32 tok[T] kv[2] dim[16]
    %k3 = rope %k2 %cos %sin over dim {style = half} : f32 tok[T] kv[2] dim[16]
    %k4 = cast %k3 {out = bf16} : bf16 tok[T] kv[2] dim[16]
    %ks = append @cache %k4 over slot pos at %slot %pos : bf16 slot[2] kv[2] pos[8] dim[16]
    %y = cast %ks {out = f32} : f32 slot[2] kv[2] pos[8] dim[16]
    return %y
  }
}
)";

constexpr char kValues[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wv : bf16 vd[32] hid[6] from "v"
  state @cache : bf16 slot[2] kv[2] pos[8] dim[16]
  func @f(%h: bf16 tok[T] hid[6], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 slot[2] kv[2] pos[8] dim[16] {
    %v0 = matmul %h @wv over hid : f32 tok[T] vd[32]
    %v1 = split %v0 vd -> kv[2] dim[16] : f32 tok[T] kv[2] dim[16]
    %v2 = cast %v1 {out = bf16} : bf16 tok[T] kv[2] dim[16]
    %vs = append @cache %v2 over slot pos at %slot %pos : bf16 slot[2] kv[2] pos[8] dim[16]
    %y = cast %vs {out = f32} : f32 slot[2] kv[2] pos[8] dim[16]
    return %y
  }
}
)";

class FuseProjectionTest : public testing::Test {
 protected:
  FuseProjection pass_;
  // Two tokens of one slot, then one of the other.
  const Inputs tokens_{{{"T", 3}}, {{"slot", {1, 1, 0}}, {"pos", {6, 2, 7}}}};
};

TEST_F(FuseProjectionTest, NormalisesAndRotatesInTheMatmul) {
  const Outcome outcome = RunOn(&pass_, kNormRope);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find("    %q3 = matmul %h @wq @norm %cos %sin over hid -> kv[4] dim[16] "
                              "{epilogue = norm rope, eps = 1e-06, style = half} : "
                              "f32 tok[T] kv[4] dim[16] by fuse-projection\n    return %q3\n"),
            std::string::npos)
      << outcome.text;
}

TEST_F(FuseProjectionTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kNormRope, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseProjectionTest, AppendsTheSameBits) {
  ExpectSameValues(&pass_, kKeys, "f", tokens_, 0);
  ExpectSameValues(&pass_, kValues, "f", tokens_, 0);
}

TEST_F(FuseProjectionTest, LeavesNothingButTheMatmulBeforeTheState) {
  for (const char* text : {kKeys, kValues}) {
    const Outcome outcome = RunOn(&pass_, text);
    for (const char* op :
         {"= split", "= rmsnorm", "= rope", "out = bf16} : bf16 tok", "append @"}) {
      EXPECT_EQ(outcome.text.find(op), std::string::npos) << op << "\n" << outcome.text;
    }
  }
}

TEST_F(FuseProjectionTest, TakesKeysThatAreNotRounded) {
  std::string text = Edited(kKeys, "append @cache %k4 over slot pos at %slot %pos : bf16",
                            "append @cache %k3 over slot pos at %slot %pos : f32");
  text = Edited(text, "state @cache : bf16", "state @cache : f32");
  text = Edited(text, "    %k4 = cast %k3 {out = bf16} : bf16 tok[T] kv[2] dim[16]\n", "");
  EXPECT_NE(RunOn(&pass_, text).text.find("epilogue = norm rope append, eps = 1e-06, style"),
            std::string::npos);
  ExpectSameValues(&pass_, text, "f", tokens_, 0);
}

// Of an axis of 32, which tensor cores multiply.
TEST_F(FuseProjectionTest, TakesWeightsInBlocksOnAGpuAsTheyAreMultiplied) {
  std::string text = kNormRope;
  for (size_t at; (at = text.find("hid[6]")) != text.npos;) text.replace(at, 6, "hid[32]");
  FuseProjection on_gpu(machine::DeviceKind::kGpu);
  const std::string blocks =
      Edited(Edited(text, "@wq : bf16 q[64]", "@wq : q8_0 q[64]"), "%q0 = matmul %h @wq",
             "%w = dequantize @wq : f32 q[64] hid[32]\n    %q0 = matmul %h %w");
  for (const std::string& module : {text, blocks}) {
    EXPECT_NE(RunOn(&on_gpu, module).text.find("epilogue = norm rope"), std::string::npos)
        << module;
  }
  const std::string f32 = Edited(text, "@wq : bf16 q[64]", "@wq : f32 q[64]");
  EXPECT_FALSE(RunOn(&on_gpu, f32).changed);
}

TEST_F(FuseProjectionTest, LeavesANormOfMoreThanOneHeadAlone) {
  std::string text = Edited(kNormRope, "rmsnorm %q1 @norm over dim", "rmsnorm %q1 @norm over kv");
  text = Edited(text, "@norm : f32 dim[16]", "@norm : f32 kv[4]");
  ExpectMiss(&pass_, text, "q2", "'q2' acts over 'kv', expected 'dim'");
}

TEST_F(FuseProjectionTest, LeavesHeadsThatFillNoPanelsAlone) {
  std::string text = kNormRope;
  for (const auto& [from, to] : {std::pair{"dim[16]", "dim[24]"}, std::pair{"pair[8]", "pair[12]"},
                                 std::pair{"q[64]", "q[96]"}}) {
    for (size_t at; (at = text.find(from)) != text.npos;) text.replace(at, strlen(from), to);
  }
  ExpectMiss(&pass_, text, "q2", "'dim' has 24 elements, which fill no panels of 16");
}

TEST_F(FuseProjectionTest, LeavesHeadsWithAFurtherUserAlone) {
  const std::string text =
      Edited(kNormRope, "return %q3", "%z = add %q3 %q1 : f32 tok[T] kv[4] dim[16]\n    return %z");
  ExpectMiss(&pass_, text, "q2", "'q1' has 2 uses, expected 1");
}

TEST_F(FuseProjectionTest, TakesANormWithAFurtherUserAndLeavesTheRotation) {
  const std::string text =
      Edited(kNormRope, "return %q3", "%z = add %q3 %q2 : f32 tok[T] kv[4] dim[16]\n    return %z");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_NE(outcome.text.find("    %q2 = matmul %h @wq @norm over hid -> kv[4] dim[16] {epilogue = "
                              "norm, eps = 1e-06} : f32 tok[T] kv[4] dim[16] by fuse-projection\n"
                              "    %q3 = rope %q2"),
            std::string::npos)
      << outcome.text;
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].statement, "q3");
  EXPECT_EQ(outcome.misses[0].reason, "'q2' has 2 uses, expected 1");
  ExpectSameValues(&pass_, text, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseProjectionTest, LeavesARotationOfARoundedNormAlone) {
  std::string text = Edited(kNormRope, "{eps = 1e-06} : f32", "{eps = 1e-06, out = bf16} : bf16");
  text = Edited(text, "{style = half} : f32", "{out = f32, style = half} : f32");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("epilogue = norm, eps = 1e-06, out = bf16}"), std::string::npos);
  EXPECT_NE(outcome.text.find("%q3 = rope %q2"), std::string::npos) << outcome.text;
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'q2' must be f32");
}

TEST_F(FuseProjectionTest, LeavesAMatmulOfRoundedNumbersAlone) {
  std::string text =
      Edited(kNormRope, "over hid : f32 tok[T] q[64]", "over hid {out = bf16} : bf16 tok[T] q[64]");
  text = Edited(text, "dim[16] : f32 tok[T] kv[4] dim[16]\n    %q2",
                "dim[16] : bf16 tok[T] kv[4] dim[16]\n    %q2");
  text = Edited(text, "{eps = 1e-06} : f32", "{eps = 1e-06, out = f32} : f32");
  ExpectMiss(&pass_, text, "q2", "'q0' must be f32");
}

TEST_F(FuseProjectionTest, LeavesValuesWithAFurtherUserAlone) {
  const std::string text =
      Edited(kValues, "    %v2 = cast", "    %v3 = exp %v0 : f32 tok[T] vd[32]\n    %v2 = cast");
  ExpectMiss(&pass_, text, "vs", "'v0' has 2 uses, expected 1");
}

TEST_F(FuseProjectionTest, LeavesValuesThatBecomeIntegersAlone) {
  std::string text = kValues;
  for (size_t at; (at = text.find("bf16 tok[T] kv")) != text.npos;) text.replace(at, 4, "i8");
  for (size_t at; (at = text.find("bf16 slot")) != text.npos;) text.replace(at, 4, "i8");
  text = Edited(text, "cast %v1 {out = bf16}", "cast %v1 {out = i8}");
  ExpectMiss(&pass_, text, "vs", "'v2' is i8");
}

TEST_F(FuseProjectionTest, LeavesTheContractedAxisOfTheStateAlone) {
  std::string text = kValues;
  for (size_t at; (at = text.find("pos[8]")) != text.npos;) text.replace(at, 6, "hid[8]");
  text = Edited(text, "over slot pos", "over slot hid");
  ExpectMiss(&pass_, text, "vs", "'hid' is an axis of the state, and contracted");
}

TEST_F(FuseProjectionTest, LeavesAnAppendOfSomethingElseAloneWithoutReportingIt) {
  std::string text = Edited(kValues, "%v0 = matmul %h @wv over hid : f32 tok[T] vd[32]",
                            "%v9 = matmul %h @wv over hid : f32 tok[T] vd[32]\n"
                            "    %v0 = exp %v9 : f32 tok[T] vd[32]");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

// Keys that have a bias and no norm, and a cache without gaps between heads.
constexpr char kBiased[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wk : bf16 kd[32] hid[6] from "k"
  weight @bk : f32 kd[32] from "bk"
  state @cache : bf16 slot[2] kv[2] pos[8] dim[16]
  func @f(%h: bf16 tok[T] hid[6], %cos: f32 tok[T] pair[8], %sin: f32 tok[T] pair[8], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 slot[2] kv[2] pos[8] dim[16] {
    %k0 = matmul %h @wk over hid : f32 tok[T] kd[32]
    %k1 = add %k0 @bk : f32 tok[T] kd[32]
    %k2 = split %k1 kd -> kv[2] dim[16] : f32 tok[T] kv[2] dim[16]
    %k3 = rope %k2 %cos %sin over dim {style = half} : f32 tok[T] kv[2] dim[16]
    %k4 = cast %k3 {out = bf16} : bf16 tok[T] kv[2] dim[16]
    %ks = append @cache %k4 over slot pos at %slot %pos : bf16 slot[2] kv[2] pos[8] dim[16]
    %y = cast %ks {out = f32} : f32 slot[2] kv[2] pos[8] dim[16]
    return %y
  }
}
)";

TEST_F(FuseProjectionTest, TakesABiasAlong) {
  const Outcome outcome = RunOn(&pass_, kBiased);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(
      outcome.text.find(
          "    %ks = matmul %h @wk @bk %cos %sin @cache over hid slot pos -> kv[2] dim[16] at "
          "%slot %pos {epilogue = bias rope append, out = bf16, style = half} : "),
      std::string::npos)
      << outcome.text;
  ExpectSameValues(&pass_, kBiased, "f", tokens_, 0);
}

TEST_F(FuseProjectionTest, LeavesASumWhoseTokensComeLastAlone) {
  // The sum's axes are those of the first operand, then the other's: here the tokens come last.
  const std::string text =
      Edited(kBiased, "add %k0 @bk : f32 tok[T] kd[32]", "add @bk %k0 : f32 kd[32] tok[T]");
  const std::string split = Edited(text, "kv[2] dim[16] : f32 tok[T] kv[2] dim[16]\n    %k3",
                                   "kv[2] dim[16] : f32 kv[2] dim[16] tok[T]\n    %k3");
  const std::string rope = Edited(split, "{style = half} : f32 tok[T] kv[2] dim[16]",
                                  "{style = half} : f32 kv[2] dim[16] tok[T]");
  const std::string order =
      Edited(rope, "    %k4 = cast %k3",
             "    %k5 = permute %k3 to tok kv dim : f32 tok[T] kv[2] dim[16]\n    %k4 = cast %k5");
  ExpectMiss(&pass_, order, "k3", "%k1 is f32 kd[32] tok[T], expected f32 tok[T] kd[32]");
}

TEST_F(FuseProjectionTest, TakesABiasThatAMatmulHasAlready) {
  std::string text = Edited(kBiased, "    %k1 = add %k0 @bk : f32 tok[T] kd[32]\n", "");
  text = Edited(text, "%k0 = matmul %h @wk over hid :",
                "%k1 = matmul %h @wk @bk over hid {epilogue = bias} :");
  EXPECT_EQ(RunOn(&pass_, text).text, RunOn(&pass_, kBiased).text);
}

TEST_F(FuseProjectionTest, LeavesASumWithTheOtherAxisAlone) {
  std::string text = Edited(kBiased, "%k0 @bk :", "%k0 %t :");
  text = Edited(text, "%h: bf16", "%t: f32 tok[T], %h: bf16");
  ExpectMiss(&pass_, text, "k3", "%t is f32 tok[T], expected f32 kd[32]");
}

TEST_F(FuseProjectionTest, LeavesASumOfRoundedNumbersAlone) {
  std::string text =
      Edited(kBiased, "over hid : f32 tok[T] kd[32]", "over hid {out = bf16} : bf16 tok[T] kd[32]");
  text = Edited(text, "@bk : f32 kd[32] from", "@bk : bf16 kd[32] from");
  text = Edited(text, "%k0 @bk : f32", "%k0 @bk : bf16");
  text = Edited(text, "dim[16] : f32 tok[T] kv[2] dim[16]\n    %k3",
                "dim[16] : bf16 tok[T] kv[2] dim[16]\n    %k3");
  text = Edited(text, "{style = half} : f32", "{out = f32, style = half} : f32");
  ExpectMiss(&pass_, text, "k3", "'k0' must be f32");
}

TEST_F(FuseProjectionTest, LeavesASumWithAFurtherUserAlone) {
  const std::string text =
      Edited(kBiased, "    %k4 = cast", "    %k5 = exp %k1 : f32 tok[T] kd[32]\n    %k4 = cast");
  ExpectMiss(&pass_, text, "k3", "'k1' has 2 uses, expected 1");
}

TEST_F(FuseProjectionTest, LeavesASecondBiasAlone) {
  const std::string text =
      Edited(kBiased, "matmul %h @wk over hid :", "matmul %h @wk @bk over hid {epilogue = bias} :");
  ExpectMiss(&pass_, text, "k3", "'k0' has the epilogue bias, which bias cannot follow");
}

TEST_F(FuseProjectionTest, LeavesASumWithAResidualAlone) {
  std::string text =
      Edited(kBiased, "matmul %h @wk over hid :", "matmul %h @wk %x over hid {epilogue = add} :");
  text = Edited(text, "    %k1 = add %k0 @bk : f32 tok[T] kd[32]\n", "");
  text = Edited(text, "split %k1", "split %k0");
  text = Edited(text, "%h: bf16", "%x: f32 tok[T] kd[32], %h: bf16");
  ExpectMiss(&pass_, text, "k3", "'k0' has the epilogue add, which rope cannot follow");
}

}  // namespace
}  // namespace lluda::passes
