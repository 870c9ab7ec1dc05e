#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// What is wrong with a module that has these declarations and this statement in its function; ""
// if nothing is.
std::string Fault(const std::string& declarations, const std::string& statement) {
  const std::string text = absl::StrCat(R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : q4_0 n[3] k[64]
  weight @other : q8_0 n[3] k[64]
  weight @short : q4_0 n[3] k[32]
  weight @square : q4_0 n[64] k[64]
  weight @by : f32 k[64]
  )",
                                        declarations, R"(
  func @f(%x: f32 tok[T] k[64], %y: f32 n[3] k[64], %z: f32 n[3] l[40], %i: i32 tok[T]) -> f32 tok[T] k[64] {
    )",
                                        statement, "\n    return %x\n  }\n}\n");
  const auto module = ParseModule(text, "m");
  if (!module.ok()) return std::string(module.status().message());
  return std::string(Verify(**module).message());
}

TEST(InferBlocksTest, AFewOpsReadBlocks) {
  for (const char* statement : {
           "%d = dequantize @w : f32 n[3] k[64]",
           "%d = gather @w over n at %i : f32 tok[T] k[64]",
           "%d = matmul %x @w over k : f32 tok[T] n[3]",
           "%d = pack @w over k {tile = 16x32} : q4_0 n[3] k[64] @panel(16x32, k)",
           "%d = quantize_blocks %y {out = q5_1} : q5_1 n[3] k[64]",
           "%d = quantize_blocks %y @by {out = iq4_nl} : iq4_nl n[3] k[64]",
           "%d = concat @w @square n n -> both[67] : q4_0 both[67] k[64]",
           "%d = split @square n -> a[2] b[32] : q4_0 a[2] b[32] k[64]",
           "%d = slice @w n 1..3 as m[2] : q4_0 m[2] k[64]",
       }) {
    EXPECT_EQ(Fault("", statement), "") << statement;
  }
}

TEST(InferBlocksTest, AMatmulTakesActivationsInBlocksWhereIntegersAreMultiplied) {
  const auto fault = [](const char* weight, const char* out) {
    return Fault("", absl::StrCat("%q = quantize_blocks %x {out = ", out, "} : ", out,
                                  " tok[T] k[64]\n    %d = matmul %q ", weight,
                                  " over k : f32 tok[T] n[3]"));
  };
  EXPECT_EQ(fault("@w", "q8_f32"), "");
  EXPECT_EQ(fault("@other", "q8_f32"), "");
  EXPECT_THAT(fault("%y", "q8_f32"),
              HasSubstr("matmul: multiplies floats, or i8 by i8; operands are q8_f32 and f32"));
  EXPECT_THAT(fault("@w", "q8_0"), HasSubstr("matmul: takes no elements in blocks, such as q8_0"));
}

TEST(InferBlocksTest, OthersSayThatTheyDoNot) {
  const struct {
    const char* statement;
    const char* fault;
  } cases[] = {
      {"%d = add @w @w : f32", "add: takes no elements in blocks, such as q4_0 n[3] k[64]"},
      {"%d = matmul @w %x over k : f32",
       "matmul: takes no elements in blocks, such as q4_0 n[3] k[64]"},
      {"%d = matmul %x @w %y over k {epilogue = add} : f32", "operand 2 must be"},
      {"%d = permute @square to k n : f32",
       "the blocks of q4_0 n[64] k[64] do not lie along n[64]"},
      {"%d = cast @w {out = f32} : f32", "cast: takes no elements in blocks"},
      {"%d = cast %y {out = q4_0} : f32", "cast: takes no elements in blocks, such as q4_0 n[3]"},
      {"%d = dequantize %y : f32", "dequantize: operand 0 must be in blocks, is f32 n[3] k[64]"},
      {"%d = quantize_blocks @w {out = q4_0} : f32",
       "quantize_blocks: takes no elements in blocks"},
      {"%d = quantize_blocks %y {out = mxfp4} : f32",
       "quantize_blocks: there is no quantiser for mxfp4"},
      {"%d = quantize_blocks %y @by {out = q4_0} : f32",
       "quantize_blocks: the quantiser for q4_0 takes no importance"},
      {"%d = quantize_blocks %y %z {out = iq4_nl} : f32",
       "quantize_blocks: the importance must be f32 k[64], or have axes before it that f32 n[3] "
       "k[64] "
       "has, is f32"},
      {"%d = quantize_blocks %y {out = bf16} : bf16",
       "quantize_blocks: there is no quantiser for bf16"},
      {"%d = quantize_blocks %y : f32", "quantize_blocks: needs the attribute 'out'"},
      {"%d = quantize_blocks %z {out = q4_0} : f32", "l[40] is not whole blocks of 32 elements"},
      {"%d = concat @w @other n -> both[6] : f32", "concat: operand 1 has another dtype"},
      {"%d = concat @w @short k k -> both[96] : f32",
       "the blocks of q4_0 n[3] k[64] do not lie along both[96]"},
      {"%d = gather @w over k at %i : f32",
       "gather: cannot pick single elements of blocks: q4_0 n[3] k[64]"},
      {"%d = pack @w over k {tile = 16x2} : f32", "panels of blocks of 32 elements are as deep, "},
      {"%d = pack @square over n {tile = 16x32} : f32",
       "the blocks of q4_0 n[64] k[64] do not lie along n[64]"},
      {"%d = slice @w k 0..32 as k[32] : f32",
       "the blocks of q4_0 n[3] k[64] do not lie along k[32]"},
      {"%d = split @w k -> a[2] k[32] : f32",
       "the blocks of q4_0 n[3] k[64] do not lie along k[32]"},
      {"%d = merge @w n k -> k[192] : f32",
       "the blocks of q4_0 n[3] k[64] do not lie along k[192]"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(Fault("", test.statement), HasSubstr(test.fault)) << test.statement;
  }
}

TEST(InferBlocksTest, OnlyWeightsAndWhatTheLoadBlockMakesOfThemAreInBlocks) {
  EXPECT_THAT(Fault("state @s : q4_0 slot[2] k[64]", ""),
              EndsWith("only weights, and what the load block makes of them, can be in blocks: "
                       "q4_0 slot[2] k[64]"));
  EXPECT_THAT(Fault("func @g(%b: q4_0 n[3] k[64]) -> f32 n[3] k[64] {\n"
                    "%d = dequantize %b : f32 n[3] k[64]\n return %d\n}",
                    ""),
              EndsWith("%b: a parameter cannot be in blocks: q4_0 n[3] k[64]"));
  EXPECT_THAT(Fault("weight @odd : q4_0 n[3] k[40]", ""),
              EndsWith("k[40] is not whole blocks of 32 elements"));
  EXPECT_THAT(Fault("weight @k : q6_k n[3] k[128]", ""),
              EndsWith("k[128] is not whole blocks of 256 elements"));
}

}  // namespace
}  // namespace lluda::ir
