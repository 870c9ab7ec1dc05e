#include "passes/fuse/match/matcher.h"

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

constexpr char kProducts[] = R"(lluda 1
module @m {
  func @f(%a: f32 n[4], %b: f32 n[4], %c: f32 n[4]) -> f32 n[4] {
    %e = exp %a : f32 n[4]
    %p = mul %b %e : f32 n[4]
    %q = mul %c %e : f32 n[4]
    %s = sub %p %q : f32 n[4]
    return %s
  }
}
)";

class MatcherTest : public testing::Test {
 protected:
  Op* Find(absl::string_view name) {
    Op* found = nullptr;
    ForEachOp(*module_, [&](Op* op) {
      if (op->result() != nullptr && op->result()->name == name) found = op;
    });
    return found;
  }
  Operand Param(int i) { return module_->FindFunc("f")->params()[i].get(); }

  std::unique_ptr<ir::Module> module_ = Parsed(kProducts);
};

TEST_F(MatcherTest, CapturesWhatTheWholePatternMatched) {
  Operand a, b;
  Op* exponential = nullptr;
  const Pattern pattern =
      OpOf(Opcode::kMul,
           {Any().Capture(&b), OpOf(Opcode::kExp, {Any().Capture(&a)}).Capture(&exponential)});
  EXPECT_TRUE(Match(pattern, Find("p")));
  EXPECT_EQ(a, Param(0));
  EXPECT_EQ(b, Param(1));
  EXPECT_EQ(exponential, Find("e"));
}

TEST_F(MatcherTest, WritesNoCaptureWhenALaterConditionFails) {
  Operand first = Param(2);
  const Pattern pattern = OpOf(Opcode::kMul, {Any().Capture(&first), OpOf(Opcode::kSilu, {Any()})});
  const MatchResult match = Match(pattern, Find("p"));
  EXPECT_FALSE(match);
  EXPECT_EQ(first, Param(2));
  EXPECT_EQ(match.reason, "'e' is exp, expected silu");
  EXPECT_EQ(match.ops_matched, 1);
}

TEST_F(MatcherTest, SaysThatAParameterIsNoResultOfAnOp) {
  const Pattern pattern = OpOf(Opcode::kMul, {OpOf(Opcode::kExp, {Any()}), Any()});
  EXPECT_EQ(Match(pattern, Find("p")).reason, "operand 0 of 'p' is %b, expected the result of exp");
}

TEST_F(MatcherTest, TakesCommutedOperandsInEitherOrder) {
  Operand a, b;
  const Pattern pattern =
      OpOf(Opcode::kMul, {OpOf(Opcode::kExp, {Any().Capture(&a)}), Any().Capture(&b)});
  EXPECT_FALSE(Match(pattern, Find("p")));
  EXPECT_TRUE(Match(pattern.Commuted(), Find("p")));
  EXPECT_EQ(a, Param(0));
  EXPECT_EQ(b, Param(1));
}

TEST_F(MatcherTest, TakesAnOrderBackWhenItFailsLater) {
  // Written order would bind `shared` to %b at the first product, which the second does not have.
  Operand shared, other;
  const Pattern product = OpOf(Opcode::kMul, {Any().Capture(&shared), Any()}).Commuted();
  EXPECT_TRUE(Match(OpOf(Opcode::kSub, {product, product}), Find("s")));
  EXPECT_EQ(shared, Operand(Find("e")->result()));
}

TEST_F(MatcherTest, DemandsTheSameOperandWhereverACaptureIsUsed) {
  Operand same;
  const Pattern product = OpOf(Opcode::kMul, {Any().Capture(&same), Any()});
  const MatchResult match = Match(OpOf(Opcode::kSub, {product, product}), Find("s"));
  EXPECT_FALSE(match);
  EXPECT_EQ(match.reason, "operand 0 of 'q' is %c, expected %b");
  EXPECT_EQ(match.ops_matched, 3);
}

TEST_F(MatcherTest, DemandsTheSameOpWhereverACaptureIsUsed) {
  Op* same = nullptr;
  const Pattern product = OpOf(Opcode::kMul, {Any(), Any()}).Capture(&same);
  const MatchResult match = Match(OpOf(Opcode::kSub, {product, product}), Find("s"));
  EXPECT_FALSE(match);
  EXPECT_EQ(match.reason, "'q' stands where 'p' is expected");
  EXPECT_EQ(same, nullptr);
}

TEST_F(MatcherTest, CountsUses) {
  const auto pattern = [](int uses) {
    return OpOf(Opcode::kMul, {Any(), OpOf(Opcode::kExp, {Any()}).WithUses(uses)});
  };
  EXPECT_TRUE(Match(pattern(2), Find("p")));
  EXPECT_EQ(Match(pattern(1), Find("p")).reason, "'e' has 2 uses, expected 1");
}

TEST_F(MatcherTest, ExplainsAConditionThatDoesNotHold) {
  const Pattern pattern = OpOf(Opcode::kExp, {Any()}).Where("be bf16", [](const Op& op) {
    return op.result_type().dtype == ir::DType::kBF16;
  });
  EXPECT_EQ(Match(pattern, Find("e")).reason, "'e' must be bf16");
}

TEST_F(MatcherTest, ExplainsTheAttemptThatGotFurthest) {
  // The swapped order fails at once (%b is no op); the written one only below the exponential.
  const Pattern pattern =
      OpOf(Opcode::kMul, {Any(), OpOf(Opcode::kExp, {OpOf(Opcode::kSilu, {Any()})})}).Commuted();
  EXPECT_EQ(Match(pattern, Find("p")).reason,
            "operand 0 of 'e' is %a, expected the result of silu");
}

TEST_F(MatcherTest, LeavesOpsOutsideTheLoopOfTheRootOut) {
  module_ = Parsed(R"(lluda 1
module @m {
  func @f(%a: f32 n[4]) -> f32 n[4] {
    %e = exp %a : f32 n[4]
    %l = for layer in 0..2 carry %x = %a {
      %p = mul %x %e : f32 n[4]
      yield %p
    } : f32 n[4]
    return %l
  }
}
)");
  const Pattern pattern = OpOf(Opcode::kMul, {Any(), OpOf(Opcode::kExp, {Any()})});
  EXPECT_EQ(Match(pattern, Find("p")).reason, "'e' stands in another block");
}

TEST_F(MatcherTest, DemandsTheExactNumberOfOperands) {
  EXPECT_EQ(Match(OpOf(Opcode::kExp, {Any(), Any()}), Find("e")).reason,
            "'e' has 1 operand, expected 2");
}

}  // namespace
}  // namespace lluda::passes
