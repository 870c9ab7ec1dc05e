#include "passes/place/pack_weights.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/printer.h"
#include "machine/tiles.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTied[] = R"(lluda 1
module @m {
  symbol T in 1..4
  weight @embed : bf16 vocab[32] hid[8] from "embed"
  load {
    @wt = permute @embed to hid vocab : bf16 hid[8] vocab[32]
  }
  func @f(%tokens: i32 tok[T]) -> f32 tok[T] vocab[32] {
    %x = gather @embed over vocab at %tokens : bf16 tok[T] hid[8]
    %l = matmul %x @wt over hid : f32 tok[T] vocab[32]
    return %l
  }
}
)";

TEST(PackWeightsTest, PanelsHaveTheShapeThatTilesRead) {
  for (const ir::DType dtype : {ir::DType::kF32, ir::DType::kBF16, ir::DType::kF16}) {
    const std::string name(ir::DTypeName(dtype));
    PackWeights pass;
    const Outcome outcome = RunOn(&pass, absl::StrReplaceAll(kTied, {{"bf16", name}}));
    const ir::PanelShape tile = *machine::PanelShapeOf(dtype, ir::DType::kF32);
    const std::string shape = absl::StrCat(tile.rows, "x", tile.depth);
    EXPECT_THAT(outcome.text, HasSubstr(absl::StrCat(
                                  "@embed_p = pack @embed over hid {tile = ", shape, "} : ", name,
                                  " vocab[32] hid[8] @panel(", shape, ", hid)")));
  }
}

TEST(PackWeightsTest, AGpuReadsRowsInEightsAndItsStatesLieInRows) {
  PackWeights pass(machine::DeviceKind::kGpu);
  EXPECT_THAT(RunOn(&pass, kTied).text,
              HasSubstr("tile = 1x8} : bf16 vocab[32] hid[8] @panel(1x8, hid)"));
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  symbol T in 1..4
  symbol S in 1..2
  symbol C in 64..128
  state @k : bf16 slot[S] kv[2] pos[C] dim[10]
  state @v : bf16 slot[S] kv[2] pos[C] dim[10]
  func @f(%q: bf16 tok[T] kv[2] dim[10], %x: bf16 tok[T] kv[2] dim[10], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[10] {
    %ks = append @k %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[10]
    %vs = append @v %x over slot pos at %slot %pos : bf16 slot[S] kv[2] pos[C] dim[10]
    %y = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.5} : f32 tok[T] kv[2] dim[10]
    return %y
  }
}
)");
  EXPECT_THAT(outcome.text, Not(HasSubstr("@panel")));
}

TEST(PackWeightsTest, ATiedEmbeddingIsHeldOnce) {
  PackWeights pass;
  const Outcome outcome = RunOn(&pass, kTied);
  EXPECT_THAT(outcome.text, Not(HasSubstr("@wt")));
  EXPECT_THAT(outcome.text, Not(HasSubstr("gather @embed over")));
  EXPECT_TRUE(outcome.misses.empty());
}

TEST(PackWeightsTest, AReaderOfRowsIsReported) {
  PackWeights pass;
  const Outcome outcome = RunOn(
      &pass, Edited(kTied, "    return %l\n", R"(    %rows = exp @embed : bf16 vocab[32] hid[8]
    return %l
)"));
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].func, "f");
  EXPECT_EQ(outcome.misses[0].statement, "rows");
  EXPECT_EQ(outcome.misses[0].reason, "reads @embed by rows, which keeps an unpacked copy");
}

TEST(PackWeightsTest, WhatNoTileMultipliesStaysInRowsAndIsReported) {
  PackWeights pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  symbol T in 1..4
  weight @w : i8 n[32] k[8] from "w"
  func @f(%x: i8 tok[T] k[8]) -> i32 tok[T] n[32] {
    %y = matmul %x @w over k : i32 tok[T] n[32]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].statement, "y");
  EXPECT_EQ(outcome.misses[0].reason, "no tile multiplies i8 by i8");
}

TEST(PackWeightsTest, AMatrixThatIsContractedOverBothAxesStaysInRows) {
  PackWeights pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  symbol T in 1..4
  weight @w : f32 a[16] b[8] from "w"
  weight @w2 : f32 n[16] a[16] b[8] from "w2"
  func @f(%x: f32 tok[T] a[16] b[8]) -> f32 tok[T] n[16] {
    %y = matmul %x @w over a b : f32 tok[T]
    %y2 = matmul %x @w2 over a b : f32 tok[T] n[16]
    %z = mul %y2 %y : f32 tok[T] n[16]
    return %z
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

TEST(PackWeightsTest, AGatherAlongThePanelKeepsItsRows) {
  // Panels over `vocab` do not hold a vocabulary row's elements together.
  PackWeights pass;
  const Outcome outcome = RunOn(&pass, R"(lluda 1
module @m {
  symbol T in 1..4
  weight @e : bf16 vocab[32] hid[8] from "e"
  func @f(%tokens: i32 tok[T], %p: bf16 tok[T] vocab[32]) -> f32 tok[T] hid[8] {
    %x = gather @e over vocab at %tokens : bf16 tok[T] hid[8]
    %l = matmul %p @e over vocab : f32 tok[T] hid[8]
    return %l
  }
}
)");
  EXPECT_THAT(outcome.text, HasSubstr("%x = gather @e over vocab"));
  EXPECT_THAT(outcome.text, HasSubstr("%l = matmul %p @e_p over vocab"));
}

constexpr char kAttention[] = R"(lluda 1
module @m {
  symbol T in 1..4
  symbol C in 1..8
  state @k : f32 slot[1] kv[2] pos[C] dim[4]
  state @v : f32 slot[1] kv[2] pos[C] dim[4]
  func @f(%x: f32 tok[T] kv[2] dim[4], %q: f32 tok[T] kv[2] dim[4], %pos: i32 tok[T], %slot: i32 tok[T]) -> f32 tok[T] kv[2] dim[4] {
    %ks = append @k %x over slot pos at %slot %pos : f32 slot[1] kv[2] pos[C] dim[4]
    %vs = append @v %x over slot pos at %slot %pos : f32 slot[1] kv[2] pos[C] dim[4]
    %o = attention %q %ks %vs over slot pos dim at %pos %slot {mask = causal, scale = 0.5} : f32 tok[T] kv[2] dim[4]
    return %o
  }
}
)";

TEST(PackWeightsTest, AKeyStateOfF32GetsPanelsOfSingleElements) {
  PackWeights pass;
  EXPECT_THAT(RunOn(&pass, kAttention).text,
              HasSubstr("state @k : f32 slot[1] kv[2] pos[C] dim[4] @panel(16x1, dim)\n"
                        "  state @v : f32 slot[1] kv[2] pos[C] dim[4]\n"));
}

TEST(PackWeightsTest, AKeyStateOfIntegersGetsPanelsAndItsScalesNone) {
  PackWeights pass;
  const std::string text = absl::StrReplaceAll(
      kAttention,
      {{"state @k : f32 slot[1] kv[2] pos[C] dim[4]",
        "state @k : i8 slot[1] kv[2] pos[C] dim[4]\n  state @s : f32 slot[1] kv[2] pos[C]"},
       {"state @v : f32", "state @v : i8"},
       {"%x: f32 tok[T] kv[2] dim[4],", "%x: i8 tok[T] kv[2] dim[4], %n: f32 tok[T] kv[2],"},
       {": f32 slot[1] kv[2] pos[C] dim[4]\n    %vs",
        ": i8 slot[1] kv[2] pos[C] dim[4]\n    %ns = append @s %n over slot pos at %slot %pos : "
        "f32 "
        "slot[1] kv[2] pos[C]\n    %vs"},
       {": f32 slot[1] kv[2] pos[C] dim[4]\n    %o", ": i8 slot[1] kv[2] pos[C] dim[4]\n    %o"},
       {"at %pos %slot {", "at %pos %slot %ns %ns {"}});
  EXPECT_THAT(RunOn(&pass, text).text,
              HasSubstr("state @k : i8 slot[1] kv[2] pos[C] dim[4] @panel(16x1, dim)\n"
                        "  state @s : f32 slot[1] kv[2] pos[C]\n"
                        "  state @v : i8 slot[1] kv[2] pos[C] dim[4]\n"));
}

TEST(PackWeightsTest, AKeyStateThatIsReadOtherwiseStaysWithAReason) {
  PackWeights pass;
  ExpectMiss(&pass, Edited(kAttention, "%q %ks %vs", "%q %ks %ks"), "ks",
             "the state @k is also read by %o");
}

}  // namespace
}  // namespace lluda::passes
