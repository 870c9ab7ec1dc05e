#include "engine/generate/draft/draft_depth.h"

#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

// Steps that take `base` and `each` for a token.
DraftTimes Times(double base, double each) {
  DraftTimes times;
  for (int64_t tokens = 1; tokens <= kMaxDraft + 1; ++tokens) {
    times.Note(tokens, base + each * static_cast<double>(tokens));
  }
  return times;
}

TEST(DraftDepth, GuessesAreTrustedAtFirst) {
  DraftDepth depth;
  const DraftTimes times = Times(1, 0.05);
  EXPECT_EQ(depth.Choose(times, kMaxDraft), kMaxDraft);
  EXPECT_EQ(depth.Choose(times, 100), kMaxDraft);
  EXPECT_EQ(depth.Choose(times, 2), 2);
  EXPECT_EQ(depth.Choose(times, 0), 0);
}

TEST(DraftDepth, StepsGrowByATokenAtATimeAsLongAsTheyCostLittle) {
  DraftDepth depth;
  DraftTimes times;
  EXPECT_EQ(depth.Choose(times, kMaxDraft), 0);
  for (int64_t tokens = 1; tokens <= 3; ++tokens) {
    times.Note(tokens, 1 + 0.02 * static_cast<double>(tokens));
    EXPECT_EQ(depth.Choose(times, kMaxDraft), tokens);
  }
  times.Note(4, 4);
  EXPECT_EQ(depth.Choose(times, kMaxDraft), 2);
}

TEST(DraftDepth, GuessesThatFailAreSoonFewAndThenTriedNowAndThen) {
  const DraftTimes times = Times(1, 0.05);
  DraftDepth depth;
  int64_t last = kMaxDraft;
  for (int i = 0; i < 60; ++i) {
    const int64_t chosen = depth.Choose(times, kMaxDraft);
    if (chosen == 0) break;
    EXPECT_LE(chosen, last);
    last = chosen;
    depth.Note(chosen, 0);
  }
  int tried = 0;
  for (int i = 0; i < 160; ++i) {
    const int64_t chosen = depth.Choose(times, kMaxDraft);
    EXPECT_LE(chosen, 1);
    tried += chosen > 0 ? 1 : 0;
    if (chosen > 0) depth.Note(chosen, 0);
  }
  EXPECT_GE(tried, 9);
  EXPECT_LE(tried, 11);
}

TEST(DraftDepth, GuessesThatComeTrueAgainAreTrustedAgain) {
  const DraftTimes times = Times(1, 0.05);
  DraftDepth depth;
  for (int i = 0; i < 60; ++i) depth.Note(1, 0);
  for (int i = 0; i < 60; ++i) depth.Note(1, 1);
  EXPECT_EQ(depth.Choose(times, kMaxDraft), kMaxDraft);
}

TEST(DraftDepth, GuessesThatTakeLongAreFewerAndTriedMoreRarely) {
  const DraftTimes times = Times(1, 0.05);
  const auto drafting = [](int64_t count) { return 0.4 * static_cast<double>(count); };
  DraftDepth depth;
  const int64_t chosen = depth.Choose(times, kMaxDraft, drafting);
  EXPECT_GT(chosen, 0);
  EXPECT_LT(chosen, kMaxDraft);
  for (int i = 0; i < 60; ++i) depth.Note(1, 0);
  int tried = 0;
  for (int i = 0; i < 430; ++i) tried += depth.Choose(times, kMaxDraft, drafting) > 0 ? 1 : 0;
  // A try takes 0.45 of a step, and 1% of all may be lost.
  EXPECT_EQ(tried, 10);
}

TEST(DraftDepth, StepsThatCostByTheirTokensAreNotMadeLonger) {
  DraftDepth depth;
  EXPECT_EQ(depth.Choose(Times(0, 1), kMaxDraft), 0);
}

TEST(DraftTimes, AreThoseOfShorterStepsUntilTheirOwnAreMeasured) {
  DraftTimes times;
  times.Note(1, 0.1);
  EXPECT_GT(times.Of(2), 0.1);
  EXPECT_LT(times.Of(2), 0.12);
  EXPECT_DOUBLE_EQ(times.Of(3), 0.3);
  times.Note(2, 0.4);
  EXPECT_EQ(times.Of(2), 0.4);
  EXPECT_GT(times.Of(3), 0.4);
  times.Note(2, 0.2);
  EXPECT_LT(times.Of(2), 0.4);
  EXPECT_GT(times.Of(2), 0.2);
  times.Note(100, 9);
  EXPECT_DOUBLE_EQ(times.Of(kMaxDraft + 1), 0.8);
}

}  // namespace
}  // namespace lluda::engine
