#include "passes/fuse/fuse_softmax.h"

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kSoftmax[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%s: f32 tok[T] kv[2] pos[5]) -> f32 tok[T] kv[2] pos[5] {
    %mx = reduce_max %s over pos : f32 tok[T] kv[2]
    %d = sub %s %mx : f32 tok[T] kv[2] pos[5]
    %e = exp %d : f32 tok[T] kv[2] pos[5]
    %z = reduce_sum %e over pos : f32 tok[T] kv[2]
    %p = div %e %z : f32 tok[T] kv[2] pos[5]
    return %p
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%s: f32 tok[T] kv[2] pos[5]) -> f32 tok[T] kv[2] pos[5] {
    %p = softmax %s over pos : f32 tok[T] kv[2] pos[5] by fuse-softmax
    return %p
  }
}
)";

class FuseSoftmaxTest : public testing::Test {
 protected:
  FuseSoftmax pass_;
};

TEST_F(FuseSoftmaxTest, TurnsFiveStatementsIntoOne) {
  const Outcome outcome = RunOn(&pass_, kSoftmax);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseSoftmaxTest, ComputesTheSameValues) {
  ExpectSameValues(&pass_, kSoftmax, "f", {{{"T", 3}}, {}}, 1e-6f);
}

TEST_F(FuseSoftmaxTest, LeavesAMaximumOverAnotherAxisAlone) {
  const std::string text = Edited(kSoftmax, "%mx = reduce_max %s over pos : f32 tok[T] kv[2]",
                                  "%mx = reduce_max %s over kv : f32 tok[T] pos[5]");
  ExpectMiss(&pass_, text, "p", "'z' acts over 'pos', expected 'kv'");
}

TEST_F(FuseSoftmaxTest, LeavesTheMaximumOfAnotherValueAlone) {
  std::string text = Edited(kSoftmax, "reduce_max %s over", "reduce_max %other over");
  text = Edited(text, "%mx =", "%other = silu %s : f32 tok[T] kv[2] pos[5]\n    %mx =");
  ExpectMiss(&pass_, text, "p", "operand 0 of 'mx' is %other, expected %s");
}

TEST_F(FuseSoftmaxTest, LeavesAnExponentialWithAFurtherUserAlone) {
  const std::string text = Edited(kSoftmax, "return %p", R"(%q = add %p %e : f32 tok[T] kv[2] pos[5]
    return %q)");
  ExpectMiss(&pass_, text, "p", "'e' has 3 uses, expected 2");
}

TEST_F(FuseSoftmaxTest, LeavesTheSumOfAnotherExponentialAlone) {
  std::string text = Edited(kSoftmax, "reduce_sum %e over", "reduce_sum %e2 over");
  text = Edited(text, "%z =", "%e2 = exp %s : f32 tok[T] kv[2] pos[5]\n    %z =");
  ExpectMiss(&pass_, text, "p", "'e' has 1 use, expected 2");
}

TEST_F(FuseSoftmaxTest, LeavesAnUnshiftedSoftmaxAlone) {
  // Without the maximum it overflows where `softmax` does not: not the same function.
  const std::string text = Edited(kSoftmax, "exp %d", "exp %s");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  ASSERT_EQ(outcome.misses.size(), 1u);
  EXPECT_EQ(outcome.misses[0].reason, "operand 0 of 'e' is %s, expected the result of sub");
}

TEST_F(FuseSoftmaxTest, LeavesAReadOfAStateBeforeItsAppendAlone) {
  // Fused, the state would be read after the append.
  ExpectMiss(&pass_, R"(lluda 1
module @m {
  symbol T in 1..8
  state @s : f32 slot[2] pos[5]
  func @f(%new: f32 tok[T], %slot: i32 tok[T], %pos: i32 tok[T]) -> f32 slot[2] pos[5] {
    %mx = reduce_max @s over pos : f32 slot[2]
    %d = sub @s %mx : f32 slot[2] pos[5]
    %e = exp %d : f32 slot[2] pos[5]
    %after = append @s %new over slot pos at %slot %pos : f32 slot[2] pos[5]
    %z = reduce_sum %e over pos : f32 slot[2]
    %p = div %e %z : f32 slot[2] pos[5]
    %r = add %p %after : f32 slot[2] pos[5]
    return %r
  }
}
)",
             "p", "'mx' must not read a state");
}

TEST_F(FuseSoftmaxTest, LeavesSixteenBitArithmeticAlone) {
  std::string text = kSoftmax;
  for (size_t at; (at = text.find("f32")) != text.npos;) text.replace(at, 3, "bf16");
  EXPECT_FALSE(RunOn(&pass_, text).changed);
}

}  // namespace
}  // namespace lluda::passes
