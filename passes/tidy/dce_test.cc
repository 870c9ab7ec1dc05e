#include "passes/tidy/dce.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/fuse/match/fusion_test_util.h"

namespace lluda::passes {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCalls[] = R"(lluda 1
module @m {
  func @last(%x: f32 d[2]) -> f32 d[2] {
    %y = exp %x : f32 d[2]
    return %y
  }
  func @middle(%x: f32 d[2]) -> f32 d[2] {
    %y = call @last %x : f32 d[2]
    return %y
  }
  func @step(%x: f32 d[2]) -> f32 d[2] {
    %unused = call @middle %x : f32 d[2]
    return %x
  }
}
)";

TEST(DceTest, AFunctionGoesWithTheDeadCallThatKeptIt) {
  Dce pass;
  const Outcome outcome = RunOn(&pass, kCalls);
  EXPECT_THAT(outcome.text, Not(HasSubstr("@middle")));
  EXPECT_THAT(outcome.text, Not(HasSubstr("@last")));
  EXPECT_FALSE(outcome.changed_again);
}

TEST(DceTest, WithoutAStepAllFunctionsStay) {
  Dce pass;
  const Outcome outcome = RunOn(&pass, Edited(kCalls, "func @step", "func @other"));
  EXPECT_THAT(outcome.text, HasSubstr("func @middle"));
  EXPECT_THAT(outcome.text, Not(HasSubstr("call @middle")));
}

TEST(DceTest, ReportsNoChangeWhenEverythingIsUsed) {
  Dce pass;
  const Outcome outcome = RunOn(&pass, Edited(kCalls, "    return %x\n", "    return %unused\n"));
  EXPECT_FALSE(outcome.changed);
  EXPECT_EQ(outcome.text, outcome.before);
}

}  // namespace
}  // namespace lluda::passes
