#include "passes/fuse/fuse_gelu.h"

#include <string>

#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

constexpr char kFormula[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] ff[5], %y: f32 tok[T] ff[5]) -> f32 tok[T] ff[5] {
    %a0 = mul %x %x : f32 tok[T] ff[5]
    %a1 = mul %a0 %x : f32 tok[T] ff[5]
    %a2 = scale %a1 {by = 0.044715} : f32 tok[T] ff[5]
    %a3 = add %x %a2 : f32 tok[T] ff[5]
    %a4 = scale %a3 {by = 0.7978845608028654} : f32 tok[T] ff[5]
    %a5 = tanh %a4 : f32 tok[T] ff[5]
    %a6 = offset %a5 {by = 1} : f32 tok[T] ff[5]
    %a7 = mul %x %a6 : f32 tok[T] ff[5]
    %a = scale %a7 {by = 0.5} : f32 tok[T] ff[5]
    return %a
  }
}
)";

constexpr char kFused[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] ff[5], %y: f32 tok[T] ff[5]) -> f32 tok[T] ff[5] {
    %a = gelu %x : f32 tok[T] ff[5] by fuse-gelu
    return %a
  }
}
)";

class FuseGeluTest : public testing::Test {
 protected:
  FuseGelu pass_;
};

TEST_F(FuseGeluTest, TurnsNineStatementsIntoOne) {
  const Outcome outcome = RunOn(&pass_, kFormula);
  EXPECT_TRUE(outcome.changed);
  EXPECT_EQ(outcome.text, kFused);
  EXPECT_TRUE(outcome.misses.empty());
  EXPECT_FALSE(outcome.changed_again);
}

TEST_F(FuseGeluTest, ComputesTheSameBits) {
  ExpectSameValues(&pass_, kFormula, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseGeluTest, AcceptsCommutedSumsAndProducts) {
  std::string text = Edited(kFormula, "mul %a0 %x", "mul %x %a0");
  text = Edited(text, "add %x %a2", "add %a2 %x");
  text = Edited(text, "mul %x %a6", "mul %a6 %x");
  EXPECT_EQ(RunOn(&pass_, text).text, kFused);
}

TEST_F(FuseGeluTest, AcceptsNumbersThatAreTheSameAsF32) {
  EXPECT_EQ(RunOn(&pass_, Edited(kFormula, "0.7978845608028654", "0.79788456")).text, kFused);
}

TEST_F(FuseGeluTest, LeavesOtherNumbersAlone) {
  ExpectMiss(&pass_, Edited(kFormula, "0.044715", "0.0447"), "a", "'a2' must be by 0.044715");
  ExpectMiss(&pass_, Edited(kFormula, "0.7978845608028654", "0.8"), "a",
             "'a4' must be by 0.797885");
  ExpectMiss(&pass_, Edited(kFormula, "offset %a5 {by = 1}", "offset %a5 {by = 2}"), "a",
             "'a6' must be by 1");
}

TEST_F(FuseGeluTest, LeavesTheCubeOfAnotherValueAlone) {
  ExpectMiss(&pass_, Edited(kFormula, "%a0 = mul %x %x", "%a0 = mul %y %y"), "a",
             "operand 0 of 'a0' is %y, expected %x");
}

TEST_F(FuseGeluTest, LeavesAnIntermediateWithAFurtherUserAlone) {
  const std::string text = Edited(kFormula, "return %a", R"(%b = add %a %a5 : f32 tok[T] ff[5]
    return %b)");
  ExpectMiss(&pass_, text, "a", "'a5' has 2 uses, expected 1");
}

TEST_F(FuseGeluTest, LeavesSixteenBitArithmeticAlone) {
  std::string text = kFormula;
  for (size_t at; (at = text.find("f32")) != text.npos;) text.replace(at, 3, "bf16");
  const Outcome outcome = RunOn(&pass_, text);
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

constexpr char kDefinition[] = R"(lluda 1
module @m {
  symbol T in 1..8
  func @f(%x: f32 tok[T] ff[5], %y: f32 tok[T] ff[5]) -> f32 tok[T] ff[5] {
    %a0 = scale %x {by = 0.7071067811865476} : f32 tok[T] ff[5]
    %a1 = erf %a0 : f32 tok[T] ff[5]
    %a2 = offset %a1 {by = 1} : f32 tok[T] ff[5]
    %a3 = mul %x %a2 : f32 tok[T] ff[5]
    %a = scale %a3 {by = 0.5} : f32 tok[T] ff[5]
    return %a
  }
}
)";

TEST_F(FuseGeluTest, TurnsTheDefinitionWithErfIntoOneStatement) {
  EXPECT_EQ(RunOn(&pass_, kDefinition).text, Edited(kFused, "gelu %x", "gelu_erf %x"));
  ExpectSameValues(&pass_, kDefinition, "f", {{{"T", 3}}, {}}, 0);
}

TEST_F(FuseGeluTest, LeavesOtherNumbersOfTheDefinitionAlone) {
  ExpectMiss(&pass_, Edited(kDefinition, "0.7071067811865476", "0.707"), "a",
             "'a0' must be by 0.707107");
  ExpectMiss(&pass_, Edited(kDefinition, "%a0 = scale %x", "%a0 = scale %y"), "a",
             "operand 0 of 'a0' is %y, expected %x");
}

TEST_F(FuseGeluTest, LeavesAnErfWithAFurtherUserAlone) {
  const std::string text = Edited(kDefinition, "return %a", R"(%b = add %a %a1 : f32 tok[T] ff[5]
    return %b)");
  ExpectMiss(&pass_, text, "a", "'a1' has 2 uses, expected 1");
}

TEST_F(FuseGeluTest, LeavesAScaledValueAloneWithoutReportingIt) {
  const Outcome outcome = RunOn(&pass_, R"(lluda 1
module @m {
  func @f(%x: f32 n[4]) -> f32 n[4] {
    %t = tanh %x : f32 n[4]
    %y = scale %t {by = 0.5} : f32 n[4]
    return %y
  }
}
)");
  EXPECT_FALSE(outcome.changed);
  EXPECT_TRUE(outcome.misses.empty());
}

}  // namespace
}  // namespace lluda::passes
