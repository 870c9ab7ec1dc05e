#include "passes/tidy/cse.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] = R"(lluda 1
module @m {
  func @pure(%x: f32 d[2]) -> f32 d[2] {
    %y = exp %x : f32 d[2]
    return %y
  }
  func @f(%x: f32 d[2]) -> f32 d[2] {
    %a = call @pure %x : f32 d[2]
    %b = call @pure %x : f32 d[2]
    %r = add %a %b : f32 d[2]
    return %r
  }
}
)";

TEST(CseTest, CallsOfAFunctionWithoutEffectsAreMerged) {
  Cse pass;
  const Outcome outcome = RunOn(&pass, kText);
  EXPECT_THAT(outcome.text, HasSubstr("    %a = call @pure %x : f32 d[2]\n"
                                      "    %r = add %a %a : f32 d[2]\n"));
  EXPECT_FALSE(outcome.changed_again);
}

TEST(CseTest, ComputesTheSameBits) {
  Cse pass;
  ExpectSameValues(&pass, kText, "f", {}, 0);
}

TEST(CseTest, CallsWithOtherOperandsStay) {
  Cse pass;
  const Outcome outcome = RunOn(&pass, Edited(kText, "%b = call @pure %x", "%b = call @pure %a"));
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

}  // namespace
}  // namespace lluda::passes
