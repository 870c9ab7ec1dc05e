#include "engine/generate/plan_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr bool kDecoding = true, kPrompt = false;
constexpr bool kLogits = true, kNoLogits = false;

TEST(PlanStepTest, TextsBeingWrittenComeFirstAndPromptsTakeWhatIsLeft) {
  EXPECT_THAT(
      PlanStep({{1, kDecoding}, {1, kDecoding}, {40, kPrompt}}, {12, 4}),
      ElementsAre(StepPart{2, 10, kNoLogits}, StepPart{0, 1, kLogits}, StepPart{1, 1, kLogits}));
}

TEST(PlanStepTest, APromptThatFitsWantsLogits) {
  EXPECT_THAT(PlanStep({{5, kPrompt}}, {12, 1}), ElementsAre(StepPart{0, 5, kLogits}));
}

TEST(PlanStepTest, PromptsAreServedInTheOrderTheyCame) {
  EXPECT_THAT(
      PlanStep({{5, kPrompt}, {6, kPrompt}, {7, kPrompt}}, {12, 9}),
      ElementsAre(StepPart{0, 5, kLogits}, StepPart{1, 6, kLogits}, StepPart{2, 1, kNoLogits}));
}

TEST(PlanStepTest, NoMoreRowsAreAskedForThanThereAre) {
  EXPECT_THAT(PlanStep({{1, kDecoding}, {1, kDecoding}, {1, kDecoding}}, {12, 2}),
              ElementsAre(StepPart{0, 1, kLogits}, StepPart{1, 1, kLogits}));
  // A prompt's last token is left for a step that has a row for it.
  EXPECT_THAT(PlanStep({{1, kDecoding}, {4, kPrompt}, {1, kPrompt}}, {12, 1}),
              ElementsAre(StepPart{1, 3, kNoLogits}, StepPart{0, 1, kLogits}));
}

TEST(PlanStepTest, NoMoreTokensAreTakenThanAStepHas) {
  EXPECT_THAT(PlanStep({{1, kDecoding}, {1, kDecoding}, {9, kPrompt}}, {1, 4}),
              ElementsAre(StepPart{0, 1, kLogits}));
}

TEST(PlanStepTest, EveryPlanMakesProgressWithinTheLimits) {
  for (int64_t tokens = 1; tokens <= 9; ++tokens) {
    for (int64_t rows = 1; rows <= 4; ++rows) {
      for (int64_t a = 1; a <= 6; ++a) {
        for (int64_t b = 1; b <= 6; ++b) {
          const auto plan = PlanStep({{a, kPrompt}, {1, kDecoding}, {b, kPrompt}}, {tokens, rows});
          int64_t taken = 0, wanted = 0;
          for (const StepPart& part : plan) {
            EXPECT_GE(part.tokens, 1);
            taken += part.tokens;
            wanted += part.logits ? 1 : 0;
          }
          EXPECT_GE(taken, 1);
          EXPECT_LE(taken, tokens);
          EXPECT_LE(wanted, rows);
        }
      }
    }
  }
}

TEST(PlanStepTest, WithoutWishesThereIsNothingToDo) {
  EXPECT_THAT(PlanStep({}, {8, 8}), IsEmpty());
}

}  // namespace
}  // namespace lluda::engine
