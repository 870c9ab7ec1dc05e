#include "passes/fuse/fuse_rope.h"

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kRope[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] kv[2] dim[8], %cos: f32 tok[T] pair[4], %sin: f32 tok[T] pair[4]) -> f32 tok[T] kv[2] dim[8] {
    %a = slice %x dim 0..4 as pair[4] : f32 tok[T] kv[2] pair[4]
    %b = slice %x dim 4..8 as pair[4] : f32 tok[T] kv[2] pair[4]
    %t0 = mul %a %cos : f32 tok[T] kv[2] pair[4]
    %t1 = mul %b %sin : f32 tok[T] kv[2] pair[4]
    %lo = sub %t0 %t1 : f32 tok[T] kv[2] pair[4]
    %t2 = mul %b %cos : f32 tok[T] kv[2] pair[4]
    %t3 = mul %a %sin : f32 tok[T] kv[2] pair[4]
    %hi = add %t2 %t3 : f32 tok[T] kv[2] pair[4]
    %y = concat %lo %hi pair -> dim[8] : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] kv[2] dim[8], %cos: f32 tok[T] pair[4], %sin: f32 tok[T] pair[4]) -> f32 tok[T] kv[2] dim[8] {
    %y = rope %x %cos %sin over dim {style = half} : f32 tok[T] kv[2] dim[8] by fuse-rope
    return %y
  }
}
)";

class FuseRopeTest : public testing::Test {
 protected:
  FuseRope pass_;
};

TEST_F(FuseRopeTest, TurnsNineStatementsIntoOne) {
  const Outcome outcome = RunOn(&pass_, kRope);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseRopeTest, ComputesTheSameValues) {
  ExpectSameValues(&pass_, kRope, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseRopeTest, AcceptsCommutedSumsAndProducts) {
  std::string text = Edited(kRope, "add %t2 %t3", "add %t3 %t2");
  // A table in front would put the axes in the table's order, so that only this product may.
  text = Edited(text, "%t1 = mul %b %sin : f32 tok[T] kv[2] pair[4]",
                "%t1 = mul %sin %b : f32 tok[T] pair[4] kv[2]");
  EXPECT_EQ(RunOn(&pass_, text).text, kFused);
}

// Six of eight elements are rotated.
constexpr char kPart[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] kv[2] dim[8], %cos: f32 tok[T] pair[3], %sin: f32 tok[T] pair[3]) -> f32 tok[T] kv[2] dim[8] {
    %a = slice %x dim 0..3 as pair[3] : f32 tok[T] kv[2] pair[3]
    %b = slice %x dim 3..6 as pair[3] : f32 tok[T] kv[2] pair[3]
    %r = slice %x dim 6..8 as rest[2] : f32 tok[T] kv[2] rest[2]
    %t0 = mul %a %cos : f32 tok[T] kv[2] pair[3]
    %t1 = mul %b %sin : f32 tok[T] kv[2] pair[3]
    %lo = sub %t0 %t1 : f32 tok[T] kv[2] pair[3]
    %t2 = mul %b %cos : f32 tok[T] kv[2] pair[3]
    %t3 = mul %a %sin : f32 tok[T] kv[2] pair[3]
    %hi = add %t2 %t3 : f32 tok[T] kv[2] pair[3]
    %y = concat %lo %hi %r pair pair rest -> dim[8] : f32 tok[T] kv[2] dim[8]
    return %y
  }
}
)";

TEST_F(FuseRopeTest, RotatesTheFirstElementsOfHeads) {
  const Outcome outcome = RunOn(&pass_, kPart);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_NE(outcome.text.find("%y = rope %x %cos %sin over dim {style = half} : f32 tok[T] kv[2] "
                              "dim[8] by fuse-rope\n    return %y"),
            std::string::npos)
      << outcome.text;
  ExpectSameValues(&pass_, kPart, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseRopeTest, LeavesARestThatIsNotAllAlone) {
  std::string text = Edited(kPart, "slice %x dim 6..8 as rest[2] : f32 tok[T] kv[2] rest[2]",
                            "slice %x dim 5..7 as rest[2] : f32 tok[T] kv[2] rest[2]");
  ExpectMiss(&pass_, text, "y", "'r' is not all that lies behind 5 elements");
}

TEST_F(FuseRopeTest, LeavesARestOfAnotherValueAlone) {
  std::string text =
      Edited(kPart, "%r = slice %x dim",
             "%z = scale %x {by = 2} : f32 tok[T] kv[2] dim[8]\n    %r = slice %z dim");
  ExpectMiss(&pass_, text, "y", "operand 0 of 'r' is %z, expected %x");
}

TEST_F(FuseRopeTest, LeavesSwappedHalvesAlone) {
  std::string text = Edited(kRope, "%a = slice %x dim 0..4", "%a = slice %x dim 4..8");
  text = Edited(text, "%b = slice %x dim 4..8", "%b = slice %x dim 0..4");
  ExpectMiss(&pass_, text, "y", "'a' is 4..8, expected the half 0..4");
}

TEST_F(FuseRopeTest, LeavesSlicesThatAreNoHalvesAlone) {
  ExpectMiss(&pass_, Edited(kRope, "%b = slice %x dim 4..8", "%b = slice %x dim 3..7"), "y",
             "'b' is 3..7, expected the half 4..8");
}

TEST_F(FuseRopeTest, LeavesTheSameTableInBothProductsAlone) {
  ExpectMiss(&pass_, Edited(kRope, "mul %a %cos", "mul %a %sin"), "y",
             "operand 1 of 't2' is %cos, expected %sin");
}

TEST_F(FuseRopeTest, LeavesTheOppositeRotationAlone) {
  std::string text = Edited(kRope, "sub %t0 %t1", "add %t0 %t1");
  text = Edited(text, "add %t2 %t3", "sub %t2 %t3");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

TEST_F(FuseRopeTest, LeavesASubtractionInBothHalvesAlone) {
  ExpectMiss(&pass_, Edited(kRope, "add %t2 %t3", "sub %t2 %t3"), "y", "'hi' is sub, expected add");
}

TEST_F(FuseRopeTest, LeavesAnIntermediateWithAFurtherUserAlone) {
  std::string text =
      Edited(kRope, "return %y", R"(%z = concat %lo %hi pair -> dim[8] : f32 tok[T] kv[2] dim[8]
    %w = add %y %z : f32 tok[T] kv[2] dim[8]
    return %w)");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
  ASSERT_FALSE(outcome.misses.empty());
  EXPECT_EQ(outcome.misses[0].reason, "'lo' has 2 uses, expected 1");
}

TEST_F(FuseRopeTest, LeavesAProductWithAFurtherUserAlone) {
  const std::string text = Edited(kRope, "%hi = add %t2 %t3", "%hi = add %t0 %t3");
  ExpectMiss(&pass_, text, "y", "'t0' has 2 uses, expected 1");
}

TEST_F(FuseRopeTest, LeavesInterleavedPairsAlone) {
  // Llama's original order pairs neighbours: element 2i with element 2i + 1.
  std::string text = Edited(kRope, "%a = slice %x dim 0..4 as pair[4] : f32 tok[T] kv[2] pair[4]",
                            R"(%n = split %x dim -> pair[4] two[2] : f32 tok[T] kv[2] pair[4] two[2]
    %a0 = slice %n two 0..1 as one[1] : f32 tok[T] kv[2] pair[4] one[1]
    %a = merge %a0 pair one -> pair[4] : f32 tok[T] kv[2] pair[4])");
  text = Edited(text, "%b = slice %x dim 4..8 as pair[4] : f32 tok[T] kv[2] pair[4]",
                R"(%b0 = slice %n two 1..2 as one[1] : f32 tok[T] kv[2] pair[4] one[1]
    %b = merge %b0 pair one -> pair[4] : f32 tok[T] kv[2] pair[4])");
  ExpectMiss(&pass_, text, "y", "'a' is merge, expected slice");
}

TEST_F(FuseRopeTest, LeavesSixteenBitArithmeticAlone) {
  std::string text = kRope;
  for (size_t at; (at = text.find("f32")) != text.npos;) text.replace(at, 3, "bf16");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

TEST_F(FuseRopeTest, LeavesAnUnrelatedConcatAloneWithoutReportingIt) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  func @f(%x: f32 n[4], %y: f32 n[4]) -> f32 m[8] {
    %z = concat %x %y n -> m[8] : f32 m[8]
    return %z
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

}  // namespace
}  // namespace lluda::passes
