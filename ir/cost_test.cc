#include "ir/cost.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "ir/text/parser.h"

namespace lluda::ir {
namespace {

constexpr char kText[] = R"(lluda 1
module @m {
  symbol T in 1..16
  symbol R in 1..16
  symbol S in 1..4
  symbol C in 16..256
  weight @w : bf16 ff[24] hid[8]
  weight @wv : bf16 vd[8] hid[8]
  weight @wb : i8 n[24] blk[2] num[4]
  weight @wvb : bf16 vd[8] blk[2] num[4]
  weight @embed : bf16 vocab[100] hid[8]
  state @k : bf16 slot[S] kv[2] pos[C] dim[4]
  state @v : bf16 slot[S] kv[2] pos[C] dim[4]
  state @v2 : bf16 slot[S] kv[2] pos[C] dim[4]
  state @ki : i8 slot[S] kv[2] pos[C] dim[4]
  state @vi : i8 slot[S] kv[2] pos[C] dim[4]
  state @kscale : f32 slot[S] kv[2] pos[C]
  state @vscale : f32 slot[S] kv[2] pos[C]
  func @f(%x: bf16 tok[T] hid[8], %q: bf16 tok[T] kv[2] rep[3] dim[4], %kk: bf16 tok[T] kv[2] dim[4], %ids: i32 tok[T], %slot: i32 tok[T], %b: i8 tok[T] blk[2] num[4], %h: bf16 tok[T] blk[2] num[4], %y: f32 tok[T] ff[24], %t: f32 tok[T], %qr: bf16 tok[R] kv[2] rep[3] dim[4], %r: i32 tok[R]) -> f32 tok[T] ff[12] {
    %e = gather @embed over vocab at %ids : bf16 tok[T] hid[8]
    %c = cast %e {out = f32} : f32 tok[T] hid[8]
    %ks = append @k %kk over slot pos at %slot %ids : bf16 slot[S] kv[2] pos[C] dim[4]
    %o = attention %q %ks @v over slot pos dim at %ids %slot {mask = causal, scale = 0.5} : f32 tok[T] kv[2] rep[3] dim[4]
    %win = attention %q %ks @v over slot pos dim at %ids %slot {mask = causal, scale = 0.5, window = 4} : f32 tok[T] kv[2] rep[3] dim[4]
    %few = attention %qr %ks @v over slot pos dim at %r %r {mask = causal, scale = 0.5} : f32 tok[R] kv[2] rep[3] dim[4]
    %fewwin = attention %qr %ks @v over slot pos dim at %r %r {mask = causal, scale = 0.5, window = 4} : f32 tok[R] kv[2] rep[3] dim[4]
    %i = attention %q @ki @vi over slot pos dim at %ids %slot @kscale @vscale {mask = causal, scale = 0.5} : f32 tok[T] kv[2] rep[3] dim[4]
    %vs = matmul %x @wv @v2 over hid slot pos -> kv[2] dim[4] at %slot %ids {epilogue = append, out = bf16} : bf16 slot[S] kv[2] pos[C] dim[4]
    %ib = matmul %b @wb over num : i32 tok[T] blk[2] n[24]
    %ia = matmul %b @wb over blk num : i32 tok[T] n[24]
    %vb = matmul %h @wvb @v2 over blk num slot pos -> kv[2] dim[4] at %slot %ids {epilogue = append, out = bf16} : bf16 slot[S] kv[2] pos[C] dim[4]
    %kept = matmul %x @w %y %t over hid {epilogue = keep} : f32 tok[T] ff[24]
    %m = matmul %x @w over hid -> ff[12] {epilogue = silu_mul} : f32 tok[T] ff[12]
    return %m
  }
}
)";

class CostTest : public testing::Test {
 protected:
  void SetUp() override {
    auto module = ParseModule(kText, "cost.lluda");
    ASSERT_TRUE(module.ok()) << module.status();
    module_ = *std::move(module);
  }

  Cost Of(const std::string& name, int64_t tokens, int64_t depth,
          std::optional<double> kept_columns = {}) {
    const std::map<std::string, int64_t> values = {{"T", tokens}, {"R", 2}, {"S", 1}, {"C", 256}};
    CostShape shape;
    shape.symbols = [values](absl::string_view symbol) { return values.at(std::string(symbol)); };
    shape.tokens = tokens;
    shape.depth = depth;
    shape.kept_columns = kept_columns;
    for (const auto& op : module_->FindFunc("f")->body.ops()) {
      if (op->result() != nullptr && op->result()->name == name) return CostOf(*op, shape);
    }
    ADD_FAILURE() << name;
    return {};
  }

  std::unique_ptr<Module> module_;
};

TEST_F(CostTest, AMatmulMultipliesAllColumnsAndReadsTheWeightOnce) {
  EXPECT_EQ(Of("m", 5, 0).flops, 2 * 5 * 24 * 8);
  EXPECT_EQ(Of("m", 5, 0).bytes, 24 * 8 * 2);
}

TEST_F(CostTest, AMatmulThatKeepsReadsTheColumnsThatItComputes) {
  EXPECT_EQ(Of("kept", 1, 0).bytes, 24 * 8 * 2);
  EXPECT_EQ(Of("kept", 2, 0, 16).bytes, 16 * 8 * 2);
  EXPECT_EQ(Of("kept", 2, 0, 16).flops, 2 * 2 * 16 * 8);
}

TEST_F(CostTest, AMatmulThatAppendsWritesItsOwnElementsOfTheState) {
  EXPECT_EQ(Of("vs", 5, 0).flops, 2 * 5 * 8 * 8);
  EXPECT_EQ(Of("vs", 5, 0).bytes, 8 * 8 * 2 + 5 * 8 * 2);
}

TEST_F(CostTest, SeveralContractedAxesCountAsOne) {
  EXPECT_EQ(Of("ia", 5, 0).flops, 2 * 5 * 24 * 8);
  EXPECT_EQ(Of("ib", 5, 0).flops, 2 * 5 * 24 * 8);
  EXPECT_EQ(Of("ia", 5, 0).bytes, 24 * 8);
  EXPECT_EQ(Of("vb", 5, 0).flops, Of("vs", 5, 0).flops);
  EXPECT_EQ(Of("vb", 5, 0).bytes, Of("vs", 5, 0).bytes);
}

TEST_F(CostTest, AttentionCostsAsMuchAsIsSeen) {
  // Two tokens that see 11 and 12 positions, with 2 * 3 heads of 4.
  EXPECT_EQ(Of("o", 2, 10).flops, 4 * (11 + 12) * 2 * 3 * 4);
  EXPECT_EQ(Of("o", 2, 10).bytes, 2 * (12 * 2 * 4 * 2));
}

TEST_F(CostTest, AttentionWithAWindowCostsAsMuchAsItsWindows) {
  EXPECT_EQ(Of("win", 2, 10).flops, 4 * (4 + 4) * 2 * 3 * 4);
  EXPECT_EQ(Of("win", 2, 10).bytes, 2 * (5 * 2 * 4 * 2));
  // Of four tokens behind one, two do not see a whole window yet.
  EXPECT_EQ(Of("win", 4, 1).flops, 4 * (2 + 3 + 4 + 4) * 2 * 3 * 4);
  EXPECT_EQ(Of("win", 4, 1).bytes, 2 * (5 * 2 * 4 * 2));
  EXPECT_EQ(Of("win", 2, 0).flops, Of("o", 2, 0).flops);
}

TEST_F(CostTest, WhereSomeTokensAttendTheyAreTheLast) {
  // Two of nine tokens behind ten others.
  EXPECT_EQ(Of("few", 9, 10).flops, 4 * (18 + 19) * 2 * 3 * 4);
  EXPECT_EQ(Of("few", 9, 10).bytes, Of("o", 9, 10).bytes);
  EXPECT_EQ(Of("fewwin", 9, 10).flops, 4 * (4 + 4) * 2 * 3 * 4);
  EXPECT_EQ(Of("fewwin", 9, 10).bytes, 2 * (5 * 2 * 4 * 2));
  // A step has no more rows than tokens.
  EXPECT_EQ(Of("few", 1, 10).bytes, Of("o", 1, 10).bytes);
}

TEST_F(CostTest, AttentionToIntegersReadsAByteAnElementAndTheScales) {
  EXPECT_EQ(Of("i", 2, 10).flops, Of("o", 2, 10).flops);
  EXPECT_EQ(Of("i", 2, 10).bytes, 2 * (12 * 2 * (4 + sizeof(float))));
}

TEST_F(CostTest, LookingUpAndAppendingMoveNoMoreThanTheirTokens) {
  EXPECT_EQ(Of("e", 3, 0).bytes, 3 * 8 * 2);
  EXPECT_EQ(Of("ks", 3, 0).bytes, 3 * 2 * 4 * 2);
}

TEST_F(CostTest, WhatStaysInTheCachesMovesNothing) {
  EXPECT_EQ(Of("c", 3, 0).bytes, 0);
  EXPECT_EQ(Of("c", 3, 0).flops, 3 * 8);
}

TEST(PositionsTest, ATokenSeesThoseUpToItsOwnOrAWindowOfThem) {
  for (const int64_t depth : {0, 1, 5, 40}) {
    for (const int64_t tokens : {1, 2, 9}) {
      for (const int64_t window : {1, 3, 100}) {
        double seen = 0;
        for (int64_t i = 0; i < tokens; ++i) {
          seen += static_cast<double>(std::min(window, depth + i + 1));
        }
        EXPECT_EQ(PositionsSeen(depth, tokens, window), seen)
            << depth << " " << tokens << " " << window;
        const double read = static_cast<double>(std::min(depth + tokens, window + tokens - 1));
        EXPECT_EQ(PositionsRead(depth, tokens, window), read)
            << depth << " " << tokens << " " << window;
      }
      EXPECT_EQ(PositionsSeen(depth, tokens, std::nullopt), PositionsSeen(depth, tokens, 1000));
      EXPECT_EQ(PositionsRead(depth, tokens, std::nullopt), static_cast<double>(depth + tokens));
    }
  }
}

TEST(CostOfExperts, CountsAMatrixForEachRowAndReadsEachOnce) {
  const auto module = ParseModule(R"(lluda 1
module @m {
  symbol T in 1..8
  weight @w : bf16 expert[8] ff[16] hid[10] from "w.{expert}"
  func @f(%x: f32 tok[T] hid[10], %i: i32 tok[T] top[3]) -> f32 tok[T] top[3] ff[16] {
    %o = order %i : i32 tok[T] top[3]
    %y = expert_matmul %x @w over hid expert at %i %o : f32 tok[T] top[3] ff[16]
    return %y
  }
}
)",
                                  "m.lluda");
  ASSERT_TRUE(module.ok()) << module.status();
  const Op* op = nullptr;
  ForEachOp(**module, [&](const Op* each) {
    if (each->opcode() == Opcode::kExpertMatmul) op = each;
  });
  ASSERT_NE(op, nullptr);
  for (const int64_t tokens : {1, 2, 7}) {
    CostShape shape;
    shape.symbols = [tokens](absl::string_view) { return tokens; };
    shape.tokens = tokens;
    const Cost cost = CostOf(*op, shape);
    const int64_t rows = 3 * tokens;
    EXPECT_EQ(cost.flops, static_cast<double>(2 * rows * 16 * 10));
    EXPECT_EQ(cost.bytes, static_cast<double>(std::min<int64_t>(rows, 8) * 16 * 10 * 2));
  }
}

}  // namespace
}  // namespace lluda::ir
