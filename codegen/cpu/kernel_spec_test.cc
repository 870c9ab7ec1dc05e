#include "codegen/kernel_spec.h"

#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string KeyIn(const ir::Module& module, const std::string& name) {
  return KeyOf(SpecOf(FindOp(module, name)));
}

TEST(KernelSpec, IsTheSameForEqualOpsOfOtherLayersAndFunctions) {
  const auto module = ParseTestModule(R"(
  weight @norm[layer < 3] : bf16 hid[8] from "layers.{layer}.norm"
  weight @other : bf16 hid[8] from "other"
  func @a[layer < 3](%x: f32 tok[T] hid[8]) -> f32 tok[T] hid[8] {
    %in_layer = rmsnorm %x @norm[layer] over hid {eps = 1e-06} : f32 tok[T] hid[8]
    return %in_layer
  }
  func @b(%y: f32 tok[T] hid[8]) -> f32 tok[T] hid[8] {
    %z = exp %y : f32 tok[T] hid[8]
    %elsewhere = rmsnorm %z @other over hid {eps = 1e-06} : f32 tok[T] hid[8]
    return %elsewhere
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(KeyIn(*module, "in_layer"), KeyIn(*module, "elsewhere"));
  EXPECT_NE(KeyIn(*module, "z"), KeyIn(*module, "elsewhere"));
}

TEST(KernelSpec, TellsStridedOperandsFromContiguousOnes) {
  const auto module = ParseTestModule(R"(
  func @f(%x: f32 tok[T] qk[32], %y: f32 tok[T] q[16]) -> f32 tok[T] q[16] {
    %whole = exp %y : f32 tok[T] q[16]
    %low = slice %x qk 0..16 as q[16] : f32 tok[T] q[16]
    %of_low = exp %low : f32 tok[T] q[16]
    %high = slice %x qk 16..32 as q[16] : f32 tok[T] q[16]
    %of_high = exp %high : f32 tok[T] q[16]
    return %of_high
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_NE(KeyIn(*module, "whole"), KeyIn(*module, "of_low"));
  // Where in its buffer a slice starts is the call's business.
  EXPECT_EQ(KeyIn(*module, "of_low"), KeyIn(*module, "of_high"));
  EXPECT_TRUE(SpecOf(FindOp(*module, "of_high")).operands[0].Find("tok")->stride.IsConstant(32));
  EXPECT_TRUE(SpecOf(FindOp(*module, "of_high")).result.Find("tok")->stride.IsConstant(16));
}

TEST(KernelSpec, DiffersWithEveryPartOfAnOp) {
  const std::string text = R"(
  weight @w : bf16 n[32] k[6] from "w"
  load {
    @p = pack @w over k {tile = $bf16} : bf16 n[32] k[6] @panel($bf16, k)
  }
  func @f(%x: f32 tok[T] k[6], %add: f32 tok[T] n[32]) -> f32 tok[T] n[32] {
    %r = matmul %x @p over k : f32 tok[T] n[32]
    return %r
  })";
  const auto plain = ParseTestModule(text);
  ASSERT_NE(plain, nullptr);
  const std::pair<std::string, std::string> edits[] = {
      {"%x: f32", "%x: bf16"},                              // an operand's dtype
      {"tok[T]", "tok[S]"},                                 // a symbol
      {"tok[T]", "tok[8]"},                                 // an extent
      {"tok[T]", "row[T]"},                                 // a name
      {"n[32]", "n[48]"},                                   // a size
      {"%x @p over k :", "%x @w over k :"},                 // a layout
      {"@p over k :", "@p %add over k {epilogue = add} :"}  // attributes and operands
  };
  for (const auto& [from, to] : edits) {
    const auto edited = ParseTestModule(absl::StrReplaceAll(text, {{from, to}}));
    ASSERT_NE(edited, nullptr);
    EXPECT_NE(KeyIn(*plain, "r"), KeyIn(*edited, "r")) << from << " -> " << to;
  }
}

TEST(KernelSpec, DiffersWithAttributesAlone) {
  const auto module = ParseTestModule(R"(
  func @f(%x: f32 tok[T] a[8]) -> f32 tok[T] a[8] {
    %half = scale %x {by = 0.5} : f32 tok[T] a[8]
    %third = scale %half {by = 0.3} : f32 tok[T] a[8]
    %again = scale %third {by = 0.5} : f32 tok[T] a[8]
    return %again
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_NE(KeyIn(*module, "half"), KeyIn(*module, "third"));
  EXPECT_EQ(KeyIn(*module, "half"), KeyIn(*module, "again"));
}

TEST(KernelSpec, FollowsViewsToTheLayoutOfTheirBase) {
  const auto module = ParseTestModule(R"(
  weight @w : bf16 n[32] k[6] from "w"
  func @f(%x: f32 tok[T] k[6]) -> f32 tok[T] n[32] {
    %wt = permute @w to k n : bf16 k[6] n[32]
    %r = matmul %x %wt over k : f32 tok[T] n[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const KernelSpec spec = SpecOf(FindOp(*module, "r"));
  EXPECT_TRUE(spec.operands[1].Find("n")->stride.IsConstant(6));
  EXPECT_TRUE(spec.operands[1].Find("k")->stride.IsConstant(1));
}

TEST(PackPartSpec, NamesThePartsAxisAsTheJoinedOne) {
  const auto module = ParseTestModule(R"(
  weight @q : bf16 q[32] k[6] from "q"
  weight @v : bf16 v[16] k[6] from "v"
  load {
    @p = pack @q @v q v -> qv[48] over k {tile = $bf16} : bf16 qv[48] k[6] @panel($bf16, k)
  }
  func @f(%x: f32 tok[T] k[6]) -> f32 tok[T] qv[48] {
    %r = matmul %x @p over k : f32 tok[T] qv[48]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const ir::Op& pack = FindOp(*module, "p");
  const KernelSpec first = PackPartSpec(pack, 0, 0), second = PackPartSpec(pack, 1, 0);
  ASSERT_EQ(second.operands.size(), 1);
  EXPECT_EQ(second.operands[0].PlainAxes()[0], (ir::Axis{"qv", ir::Extent::Constant(16)}));
  EXPECT_EQ(second.operands[0].PlainAxes()[1], (ir::Axis{"k", ir::Extent::Constant(6)}));
  EXPECT_TRUE(second.result.layout.is_panel());
  EXPECT_NE(KeyOf(first), KeyOf(second));
  EXPECT_NE(KeyOf(second), KeyOf(PackPartSpec(pack, 1, 8)));
  EXPECT_EQ(PackPartSpec(pack, 1, 8).row_offset, 8);
}

TEST(PackParts, MoveTheBufferToAPanelsEdgeAndTheRowsOtherwise) {
  const auto module = ParseTestModule(R"(
  weight @a : bf16 a[32] k[5] from "a"
  weight @b : bf16 b[8] k[5] from "b"
  weight @c : bf16 c[8] k[5] from "c"
  load {
    @p = pack @a @b @c a b c -> abc[48] over k {tile = $bf16} : bf16 abc[48] k[5] @panel($bf16, k)
  }
  func @f(%x: f32 tok[T] k[5]) -> f32 tok[T] abc[48] {
    %r = matmul %x @p over k : f32 tok[T] abc[48]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const std::vector<PackPart> parts = PackParts(FindOp(*module, "p"));
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].spec.row_offset, 0);
  EXPECT_EQ(parts[1].offset, 32 * 6 * 2);  // rows of five elements, and one that pairs the fifth
  EXPECT_EQ(parts[2].spec.row_offset, 40);
  EXPECT_EQ(parts[2].offset, 0);
}

TEST(PackPartSpec, IsSharedByPartsOfOneShape) {
  const auto module = ParseTestModule(R"(
  weight @g : bf16 ff[32] k[6] from "g"
  weight @u : bf16 ff[32] k[6] from "u"
  load {
    @p = pack @g @u ff ff -> gu[64] over k {tile = $bf16} : bf16 gu[64] k[6] @panel($bf16, k)
  }
  func @f(%x: f32 tok[T] k[6]) -> f32 tok[T] gu[64] {
    %r = matmul %x @p over k : f32 tok[T] gu[64]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const ir::Op& pack = FindOp(*module, "p");
  EXPECT_EQ(KeyOf(PackPartSpec(pack, 0, 0)), KeyOf(PackPartSpec(pack, 1, 0)));
}

TEST(PackPartSpec, OfASingleOperandKeepsItsNames) {
  const auto module = ParseTestModule(R"(
  weight @w : bf16 n[32] k[6] from "w"
  load {
    @p = pack @w over k {tile = $bf16} : bf16 n[32] k[6] @panel($bf16, k)
  }
  func @f(%x: f32 tok[T] k[6]) -> f32 tok[T] n[32] {
    %r = matmul %x @p over k : f32 tok[T] n[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  const KernelSpec spec = PackPartSpec(FindOp(*module, "p"), 0, 0);
  EXPECT_EQ(spec.operands[0].PlainAxes()[0].name, "n");
  EXPECT_EQ(spec.attrs.axes, std::vector<std::string>{"k"});
}

TEST(StemOf, SaysOpTypesAndSizes) {
  const auto module = ParseTestModule(R"(
  weight @w : bf16 n[32] k[6] from "w"
  func @f(%x: f32 tok[T] k[6], %add: f32 tok[T] n[32]) -> f32 tok[T] n[32] {
    %e = exp %x : f32 tok[T] k[6]
    %r = matmul %e @w %add over k {epilogue = add} : f32 tok[T] n[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_EQ(StemOf(SpecOf(FindOp(*module, "e"))), "exp_f32_f32_Tx6");
  const std::string matmul = StemOf(SpecOf(FindOp(*module, "r")));
  EXPECT_THAT(matmul, StartsWith("matmul_f32_bf16_"));
  EXPECT_THAT(matmul, HasSubstr("32x6"));
  EXPECT_THAT(matmul, HasSubstr("_add"));
}

TEST(StemOf, IsOneWordWhateverTheEpilogue) {
  const auto module = ParseTestModule(R"(
  weight @w : bf16 n[32] k[6] from "w"
  weight @b : bf16 n[32] from "b"
  func @f(%x: f32 tok[T] k[6], %add: f32 tok[T] n[32]) -> f32 tok[T] n[32] {
    %r = matmul %x @w @b %add over k {epilogue = bias add} : f32 tok[T] n[32]
    return %r
  })");
  ASSERT_NE(module, nullptr);
  EXPECT_THAT(StemOf(SpecOf(FindOp(*module, "r"))), EndsWith("_bias_add"));
}

}  // namespace
}  // namespace lluda::codegen
