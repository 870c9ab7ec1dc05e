#include "passes/fuse/fuse_dequantize.h"

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kMatmul[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : q4_1 n[8] k[64]
  func @f(%x: f32 tok[T] k[64]) -> f32 tok[T] n[8] {
    %d = dequantize @w : f32 n[8] k[64]
    %y = matmul %x %d over k : f32 tok[T] n[8]
    return %y
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : q4_1 n[8] k[64]
  func @f(%x: f32 tok[T] k[64]) -> f32 tok[T] n[8] {
    %y = matmul %x @w over k : f32 tok[T] n[8] by fuse-dequantize
    return %y
  }
}
)";

class FuseDequantizeTest : public testing::Test {
 protected:
  FuseDequantize pass_;
};

TEST_F(FuseDequantizeTest, LetsTheMatmulReadTheBlocks) {
  const Outcome outcome = RunOn(&pass_, kMatmul);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseDequantizeTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kMatmul, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseDequantizeTest, KeepsTheEpilogueAndItsOperands) {
  const std::string text =
      Edited(kMatmul, "matmul %x %d over k", "matmul %x %d %r over k {epilogue = add}");
  const Outcome outcome =
      RunOn(&pass_, Edited(text, "k[64]) ->", "k[64], %r: f32 tok[T] n[8]) ->"));
  EXPECT_EQ(outcome.text, Edited(Edited(kFused, "@w over k", "@w %r over k {epilogue = add}"),
                                 "k[64]) ->", "k[64], %r: f32 tok[T] n[8]) ->"));
}

TEST_F(FuseDequantizeTest, LeavesTheNumbersThatOthersRead) {
  const std::string text = Edited(kMatmul, "return %y",
                                  "%z = gather %d over n at %i : f32 k[64]\n"
                                  "    %e = exp %d : f32 n[8] k[64]\n    return %y");
  const Outcome outcome = RunOn(&pass_, Edited(text, "k[64]) ->", "k[64], %i: i32) ->"));
  EXPECT_NE(outcome.text.find("%d = dequantize @w"), std::string::npos);
  EXPECT_NE(outcome.text.find("%z = gather @w over n at %i"), std::string::npos);
  EXPECT_NE(outcome.text.find("%y = matmul %x @w over k"), std::string::npos);
}

// Activations that are quantised, too: as the importer writes them.
constexpr char kQuantised[] = R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : q4_1 n[8] k[64]
  func @f(%x: f32 tok[T] k[64]) -> f32 tok[T] n[8] {
    %q = quantize_blocks %x {out = q8_f32} : q8_f32 tok[T] k[64]
    %a = dequantize %q : f32 tok[T] k[64]
    %d = dequantize @w : f32 n[8] k[64]
    %y = matmul %a %d over k : f32 tok[T] n[8]
    return %y
  }
}
)";

TEST_F(FuseDequantizeTest, LetsIntegersMeetIntegers) {
  const Outcome outcome = RunOn(&pass_, kQuantised);
  EXPECT_NE(outcome.text.find("%y = matmul %q @w over k : f32 tok[T] n[8] by fuse-dequantize"),
            std::string::npos)
      << outcome.text;
  EXPECT_EQ(outcome.text.find("dequantize %q"), std::string::npos);
  EXPECT_FALSE(outcome.changed_again);
  ExpectSameValues(&pass_, kQuantised, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseDequantizeTest, LeavesActivationsDequantisedWhereIntegersAreNotMultiplied) {
  const std::string text = Edited(kQuantised, "q4_1 n[8] k[64]", "iq4_nl n[8] k[64]");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_NE(outcome.text.find("%y = matmul %a @w over k"), std::string::npos) << outcome.text;
}

TEST_F(FuseDequantizeTest, SaysWhatStandsBetween) {
  ExpectMiss(&pass_,
             Edited(Edited(kMatmul, "matmul %x %d", "matmul %x %c"),
                    "%y =", "%c = cast %d {out = bf16} : bf16 n[8] k[64]\n    %y ="),
             "y", "'c' is cast, expected dequantize");
}

TEST_F(FuseDequantizeTest, SaysWhereTheBlocksLie) {
  const std::string text = Edited(kMatmul, "n[8] k[64]\n  func", "k[64] n[32]\n  func");
  ExpectMiss(&pass_,
             Edited(Edited(Edited(text, "-> f32 tok[T] n[8]", "-> f32 tok[T] n[32]"),
                           "f32 n[8] k[64]", "f32 k[64] n[32]"),
                    "over k : f32 tok[T] n[8]", "over k : f32 tok[T] n[32]"),
             "y", "'y' sums over 'k', blocks lie along 'n'");
}

}  // namespace
}  // namespace lluda::passes
