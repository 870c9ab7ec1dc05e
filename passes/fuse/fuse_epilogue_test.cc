#include "passes/fuse/fuse_epilogue.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kResidual[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wo : bf16 hid[4] q[6] from "o"
  func @f(%x: f32 tok[T] hid[4], %o: bf16 tok[T] q[6]) -> f32 tok[T] hid[4] {
    %y0 = matmul %o @wo over q : f32 tok[T] hid[4]
    %y = add %x %y0 : f32 tok[T] hid[4]
    return %y
  }
}
)";

constexpr char kGated[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wgu : bf16 ff2[8] hid[6] from "gate_up"
  func @f(%h: bf16 tok[T] hid[6]) -> bf16 tok[T] ff[4] {
    %gu = matmul %h @wgu over hid : f32 tok[T] ff2[8]
    %gate = slice %gu ff2 0..4 as ff[4] : f32 tok[T] ff[4]
    %up = slice %gu ff2 4..8 as ff[4] : f32 tok[T] ff[4]
    %a = silu %gate : f32 tok[T] ff[4]
    %m0 = mul %a %up : f32 tok[T] ff[4]
    %m = cast %m0 {out = bf16} : bf16 tok[T] ff[4]
    return %m
  }
}
)";

constexpr char kCasts[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @norm : bf16 hid[8] from "norm"
  func @f(%x: f32 tok[T] hid[8]) -> bf16 tok[T] n[4] {
    %h0 = rmsnorm %x @norm over hid {eps = 1e-06} : f32 tok[T] hid[8]
    %h1 = split %h0 hid -> kv[2] dim[4] : f32 tok[T] kv[2] dim[4]
    %h2 = slice %h1 dim 1..3 as dim[2] : f32 tok[T] kv[2] dim[2]
    %h3 = merge %h2 kv dim -> n[4] : f32 tok[T] n[4]
    %h = cast %h3 {out = bf16} : bf16 tok[T] n[4]
    return %h
  }
}
)";

class FuseEpilogueTest : public testing::Test {
 protected:
  FuseEpilogue pass_;
};

TEST_F(FuseEpilogueTest, AddsTheResidualInsideTheMatmul) {
  const Outcome outcome = RunOn(&pass_, kResidual);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find(") -> f32 tok[T] hid[4] {\n"
                              "    %y = matmul %o @wo %x over q {epilogue = add} : "
                              "f32 tok[T] hid[4] by fuse-epilogue\n"
                              "    return %y\n"),
            std::string::npos)
      << outcome.text;
}

TEST_F(FuseEpilogueTest, LeavesProductsOfIntegersAlone) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  symbol T in 1..4
  func @f(%a: i8 tok[T] k[8], %b: i8 n[4] k[8], %x: f32 tok[T] n[4]) -> f32 tok[T] n[4] {
    %sums = matmul %a %b over k : i32 tok[T] n[4]
    %wide = cast %sums {out = f32} : f32 tok[T] n[4]
    %y = add %x %wide : f32 tok[T] n[4]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

TEST_F(FuseEpilogueTest, AddsTheResidualToASumOverTwoAxes) {
  const std::string text =
      absl::StrReplaceAll(kResidual, {{"q[6]", "blk[2] num[3]"}, {"over q", "over blk num"}});
  EXPECT_THAT(RunOn(&pass_, text).text, testing::HasSubstr("over blk num {epilogue = add}"));
  ExpectSameValues(&pass_, text, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, AcceptsTheResidualOnEitherSide) {
  const std::string swapped = Edited(kResidual, "add %x %y0", "add %y0 %x");
  EXPECT_EQ(RunOn(&pass_, swapped).text, RunOn(&pass_, kResidual).text);
}

TEST_F(FuseEpilogueTest, ComputesTheSameBitsWithTheResidualInside) {
  ExpectSameValues(&pass_, kResidual, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, LeavesAMatmulWithAFurtherUserAlone) {
  const std::string text = Edited(kResidual, "return %y", R"(%z = mul %y %y0 : f32 tok[T] hid[4]
    return %z)");
  ExpectMiss(&pass_, text, "y", "'y0' has 2 uses, expected 1");
}

TEST_F(FuseEpilogueTest, LeavesAResidualThatIsBroadcastAlongTheColumnsAlone) {
  const std::string text = Edited(kResidual, "%x: f32 tok[T] hid[4]", "%x: f32 tok[T]");
  ExpectMiss(&pass_, Edited(text, "add %x %y0", "add %y0 %x"), "y",
             "%x is f32 tok[T], expected f32 tok[T] hid[4]");
}

constexpr char kBias[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wo : bf16 hid[4] q[6] from "o"
  weight @bo : f32 hid[4] from "b"
  func @f(%x: f32 tok[T] hid[4], %o: bf16 tok[T] q[6]) -> f32 tok[T] hid[4] {
    %y0 = matmul %o @wo over q : f32 tok[T] hid[4]
    %y1 = add %y0 @bo : f32 tok[T] hid[4]
    %y = add %x %y1 : f32 tok[T] hid[4]
    return %y
  }
}
)";

TEST_F(FuseEpilogueTest, AddsABiasAndThenTheResidualInsideTheMatmul) {
  const Outcome outcome = RunOn(&pass_, kBias);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find(") -> f32 tok[T] hid[4] {\n"
                              "    %y = matmul %o @wo @bo %x over q {epilogue = bias add} : "
                              "f32 tok[T] hid[4] by fuse-epilogue\n"),
            std::string::npos)
      << outcome.text;
  ExpectSameValues(&pass_, kBias, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, LeavesABiasBehindTheResidualAlone) {
  std::string text = Edited(kBias, "add %y0 @bo", "add %y0 %x");
  text = Edited(text, "add %x %y1", "add %y1 @bo");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%y = add %y1 @bo : f32"), std::string::npos) << outcome.text;
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'y1' must have no epilogue that add cannot follow");
}

TEST_F(FuseEpilogueTest, LeavesASecondBiasAlone) {
  const Outcome outcome = RunOn(&pass_, Edited(kBias, "add %x %y1", "add %y1 @bo"));
  EXPECT_NE(outcome.text.find("%y = add %y1 @bo : f32"), std::string::npos) << outcome.text;
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'y1' has the epilogue bias, which bias cannot follow");
}

TEST_F(FuseEpilogueTest, LeavesABiasWithAFurtherUserOfTheMatmulAlone) {
  const std::string text = Edited(kBias, "add %x %y1", "add %y0 %y1");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  ASSERT_FALSE(outcome.misses.empty());
  EXPECT_EQ(outcome.misses[0].statement, "y1");
  EXPECT_EQ(outcome.misses[0].reason, "'y0' has 2 uses, expected 1");
}

TEST_F(FuseEpilogueTest, GatesBehindABias) {
  std::string text = Edited(kGated, "%gu = matmul %h @wgu over hid : f32 tok[T] ff2[8]",
                            "%gu0 = matmul %h @wgu over hid : f32 tok[T] ff2[8]\n"
                            "    %gu = add %gu0 @b : f32 tok[T] ff2[8]");
  text = Edited(text, "  func @f", "  weight @b : f32 ff2[8] from \"b\"\n  func @f");
  EXPECT_NE(RunOn(&pass_, text)
                .text.find("%m = matmul %h @wgu @b over hid -> ff[4] {epilogue = bias "
                           "silu_mul, out = bf16}"),
            std::string::npos);
  ExpectSameValues(&pass_, text, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, LeavesARoundedMatmulAlone) {
  // Adding before rounding is not the same.
  std::string text = Edited(kResidual, "over q : f32", "over q {out = bf16} : bf16");
  text = Edited(text, "(%x: f32 tok[T] hid[4],", "(%x: bf16 tok[T] hid[4],");
  text = Edited(text, "%y = add %x %y0 : f32", "%y = add %x %y0 : bf16");
  text = Edited(text, ") -> f32", ") -> bf16");
  ExpectMiss(&pass_, text, "y", "'y0' must be f32");
}

TEST_F(FuseEpilogueTest, LeavesASecondResidualAlone) {
  const std::string text = Edited(kResidual, "return %y", R"(%z = add %x %y : f32 tok[T] hid[4]
    return %z)");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%z = add %x %y : f32 tok[T] hid[4]\n"), std::string::npos)
      << outcome.text;
  EXPECT_FALSE(outcome.changed_again);
}

constexpr char kFunction[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @fc : bf16 fc[5] hid[6] from "fc"
  weight @b : f32 fc[5] from "b"
  func @f(%h: bf16 tok[T] hid[6]) -> bf16 tok[T] fc[5] {
    %u0 = matmul %h @fc over hid : f32 tok[T] fc[5]
    %u1 = add %u0 @b : f32 tok[T] fc[5]
    %u2 = gelu_erf %u1 : f32 tok[T] fc[5]
    %u = cast %u2 {out = bf16} : bf16 tok[T] fc[5]
    return %u
  }
}
)";

TEST_F(FuseEpilogueTest, ComputesGeluBehindABiasInsideTheMatmul) {
  EXPECT_THAT(RunOn(&pass_, kFunction).text,
              testing::HasSubstr("%u = matmul %h @fc @b over hid {epilogue = bias gelu_erf, out = "
                                 "bf16} : bf16 tok[T] fc[5] by fuse-epilogue\n    return %u"));
  ExpectSameValues(&pass_, kFunction, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, LeavesGeluOfAMatmulWithAFurtherUserAlone) {
  std::string text = absl::StrReplaceAll(
      kFunction, {{"%u1 = add %u0 @b", "%u1 = exp %u0"}, {"gelu_erf %u1", "gelu_erf %u0"}});
  text = absl::StrReplaceAll(text, {{"cast %u2", "cast %u3"},
                                    {"    %u = ",
                                     "    %u3 = add %u1 %u2 : f32 tok[T] fc[5]\n"
                                     "    %u = "}});
  ExpectMiss(&pass_, text, "u2", "'u0' has 2 uses, expected 1");
}

TEST_F(FuseEpilogueTest, LeavesGeluOfARoundedMatmulAlone) {
  const std::string text = absl::StrReplaceAll(
      kFunction, {{"matmul %h @fc over hid : f32", "matmul %h @fc over hid {out = bf16} : bf16"},
                  {"add %u0 @b : f32 tok[T] fc[5]", "cast %u0 {out = f32} : f32 tok[T] fc[5]"}});
  EXPECT_THAT(RunOn(&pass_, text).text, testing::HasSubstr("%u2 = gelu_erf %u1"));
}

TEST_F(FuseEpilogueTest, GatesInsideTheMatmulAndRoundsThere) {
  const Outcome outcome = RunOn(&pass_, kGated);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find(") -> bf16 tok[T] ff[4] {\n"
                              "    %m = matmul %h @wgu over hid -> ff[4] {epilogue = silu_mul, out "
                              "= bf16} : bf16 tok[T] ff[4] by fuse-epilogue\n"
                              "    return %m\n"),
            std::string::npos)
      << outcome.text;
}

TEST_F(FuseEpilogueTest, ComputesTheSameBitsWithTheGateInside) {
  ExpectSameValues(&pass_, kGated, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, AcceptsTheGateOnEitherSide) {
  EXPECT_EQ(RunOn(&pass_, Edited(kGated, "mul %a %up", "mul %up %a")).text,
            RunOn(&pass_, kGated).text);
}

TEST_F(FuseEpilogueTest, LeavesTheSecondHalfAsTheGateAlone) {
  std::string text = Edited(kGated, "%gate = slice %gu ff2 0..4", "%gate = slice %gu ff2 4..8");
  text = Edited(text, "%up = slice %gu ff2 4..8", "%up = slice %gu ff2 0..4");
  ExpectMiss(&pass_, text, "m0", "'gate' is 4..8, expected 0..4");
}

TEST_F(FuseEpilogueTest, LeavesSlicesOfTwoMatmulsAlone) {
  std::string text = Edited(kGated, "slice %gu ff2 4..8", "slice %gu2 ff2 4..8");
  text = Edited(text, "%gate =", "%gu2 = matmul %h @wgu over hid : f32 tok[T] ff2[8]\n    %gate =");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "'gu' has 1 use, expected 2");
}

TEST_F(FuseEpilogueTest, LeavesAGateWithAFurtherUserAlone) {
  std::string text =
      Edited(kGated, "%m = cast %m0", "%m1 = add %m0 %gate : f32 tok[T] ff[4]\n    %m = cast %m1");
  ExpectMiss(&pass_, text, "m0", "'gate' has 2 uses, expected 1");
}

TEST_F(FuseEpilogueTest, RoundsAtTheProducerThroughViews) {
  const Outcome outcome = RunOn(&pass_, kCasts);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.changed_again);
  EXPECT_NE(
      outcome.text.find(
          "    %h0 = rmsnorm %x @norm over hid {eps = 1e-06, out = bf16} : bf16 tok[T] hid[8] by "
          "fuse-epilogue\n"
          "    %h1 = split %h0 hid -> kv[2] dim[4] : bf16 tok[T] kv[2] dim[4]\n"
          "    %h2 = slice %h1 dim 1..3 as dim[2] : bf16 tok[T] kv[2] dim[2]\n"
          "    %h = merge %h2 kv dim -> n[4] : bf16 tok[T] n[4]\n"
          "    return %h\n"),
      std::string::npos)
      << outcome.text;
}

TEST_F(FuseEpilogueTest, ComputesTheSameBitsWithTheCastFolded) {
  ExpectSameValues(&pass_, kCasts, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseEpilogueTest, LeavesACastOfAViewWithAFurtherUserAlone) {
  std::string text =
      Edited(kCasts, "return %h", R"(%s = slice %h2 kv 0..1 as one[1] : f32 tok[T] one[1] dim[2]
    %n = merge %s one dim -> n[2] : f32 tok[T] n[2]
    %nb = cast %n {out = bf16} : bf16 tok[T] n[2]
    %c = concat %h %nb n -> n[6] : bf16 tok[T] n[6]
    return %c)");
  text = Edited(text, ") -> bf16 tok[T] n[4]", ") -> bf16 tok[T] n[6]");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.misses.size(), 2u);
  EXPECT_EQ(outcome.misses[0].reason, "'h2' has 2 uses, expected 1");
}

TEST_F(FuseEpilogueTest, LeavesACastOfARoundedValueAlone) {
  std::string text = Edited(kCasts, "{eps = 1e-06} : f32", "{eps = 1e-06, out = bf16} : bf16");
  for (const char* view : {"%h1 = split %h0 hid -> kv[2] dim[4] :", "as dim[2] :", "-> n[4] :"}) {
    text = Edited(text, std::string(view) + " f32", std::string(view) + " bf16");
  }
  text = Edited(text, "%h = cast %h3 {out = bf16} : bf16", "%h = cast %h3 {out = f16} : f16");
  text = Edited(text, ") -> bf16", ") -> f16");
  ExpectMiss(&pass_, text, "h", "'h0' is bf16 already");
}

TEST_F(FuseEpilogueTest, LeavesACastOfTheStateThatAMatmulAppendsToAlone) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  symbol T in 1..8
  weight @wv : f32 vd[4] hid[6] from "v"
  state @cache : f32 slot[2] pos[8] kv[2] dim[2]
  func @f(%h: f32 tok[T] hid[6], %pos: i32 tok[T], %slot: i32 tok[T]) -> bf16 slot[2] pos[8] kv[2] dim[2] {
    %vs = matmul %h @wv @cache over hid slot pos -> kv[2] dim[2] at %slot %pos {epilogue = append} : f32 slot[2] pos[8] kv[2] dim[2]
    %y = cast %vs {out = bf16} : bf16 slot[2] pos[8] kv[2] dim[2]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

TEST_F(FuseEpilogueTest, LeavesACastOfAParameterAloneWithoutReportingIt) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  func @f(%x: f32 n[4]) -> bf16 n[4] {
    %y = cast %x {out = bf16} : bf16 n[4]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

}  // namespace
}  // namespace lluda::passes
