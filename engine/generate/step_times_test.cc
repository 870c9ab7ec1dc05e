// With a clock of its own: steps take what a machine of known costs would take.
#include "engine/generate/step_times.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace lluda::engine {
namespace {

// Qwen3-0.6B in bf16 on two threads, about.
constexpr StepCosts kMachine = {0.0150, 0.0009, 1.6e-6, 2.3e-7};
constexpr int64_t kMost = 512;

// The seconds of a step with so many tokens.
double SecondsOf(const StepOutlook& outlook, int64_t tokens) {
  const int64_t prompt = tokens - outlook.rows;
  return StepTimes(kMachine).Predict({tokens, outlook.row_positions + outlook.prompt_positions,
                                      outlook.row_positions + prompt * outlook.prompt_positions});
}

TEST(StepTimesTest, AStepTakesTheSumOfReadingMultiplyingAndAttention) {
  const StepTimes times({0.010, 0.002, 1e-5, 1e-6});
  EXPECT_DOUBLE_EQ(times.Predict({1, 0, 0}), 0.010 + 0.002);
  EXPECT_DOUBLE_EQ(times.Predict({6, 0, 0}), 0.010 + 0.012);
  EXPECT_DOUBLE_EQ(times.Predict({6, 100, 1000}), 0.010 + 0.012 + 0.001 + 0.001);
}

// Milliseconds of prompts of Qwen3-0.6B's shape in bf16 on 2 CPUs of an AMD EPYC (Zen 5).
TEST(StepTimesTest, MeasuredStepsLieNearTheLineThroughTwoOfThem) {
  constexpr struct {
    int64_t tokens;
    double ms;
  } kMeasured[] = {{1, 15.9},  {8, 20.5},  {24, 38.0},   {36, 48.1},   {48, 58.7},
                   {60, 65.3}, {96, 91.7}, {144, 140.4}, {192, 187.3}, {256, 250.3}};
  const double token = (58.7 - 15.9) / 47;
  const StepTimes times({(15.9 - token) / 1000, token / 1000, 1e-9, 1e-9});
  for (const auto& step : kMeasured) {
    EXPECT_NEAR(times.Predict({step.tokens, 0, 0}), step.ms / 1000, 0.12 * step.ms / 1000)
        << step.tokens;
  }
}

TEST(StepTimesTest, WithoutRowsAStepTakesAllItCan) {
  const StepTimes times(kMachine);
  EXPECT_EQ(times.MostTokens({0, 0, 100000}, 0.001, kMost), kMost);
}

TEST(StepTimesTest, TheMostTokensAreTheWholeTilesThatComeNearestToTheTime) {
  const StepTimes times(kMachine);
  for (const int64_t rows : {1, 8, 20}) {
    for (const int64_t depth : {0, 512, 4096}) {
      for (const double seconds : {0.060, 0.100, 0.200}) {
        const StepOutlook outlook = {rows, rows * 300, depth};
        const int64_t tokens = times.MostTokens(outlook, seconds, 1000000);
        if (tokens == rows + StepTimes::kTile) continue;
        EXPECT_EQ(tokens % StepTimes::kTile, 0);
        EXPECT_LE(SecondsOf(outlook, tokens), 1.1 * seconds);
        EXPECT_GT(SecondsOf(outlook, tokens + StepTimes::kTile), seconds);
      }
    }
  }
}

TEST(StepTimesTest, WithoutCostsAnyNumberFits) {
  EXPECT_EQ(StepTimes().MostTokens({8, 2400, 0}, 1e-9, kMost), kMost);
}

TEST(StepTimesTest, WithoutCostsTheFirstStepsGiveThem) {
  StepTimes times;
  times.Learn({4, 0, 0}, SecondsOf({4, 0, 0}, 4));  // a prompt
  for (int i = 0; i < 20; ++i) times.Learn({8, 2400, 2400}, SecondsOf({8, 2400, 0}, 8));
  const int64_t tokens = times.MostTokens({8, 2400, 0}, 0.060, kMost);
  EXPECT_NEAR(SecondsOf({8, 2400, 0}, tokens), 0.060, 0.015);
}

TEST(StepTimesTest, FortyEightTokensFitSixtyMilliseconds) {
  EXPECT_EQ(StepTimes(kMachine).MostTokens({8, 800, 0}, 0.060, kMost), 48);
}

TEST(StepTimesTest, PromptsGoOnHoweverLittleTimeThereIs) {
  const StepTimes times(kMachine);
  EXPECT_EQ(times.MostTokens({8, 2400, 512}, 0.001, kMost), 20);
  EXPECT_EQ(times.MostTokens({64, 200000, 100000}, 0.060, kMost), 76);
}

// Texts of 20,000 positions take 59 ms by themselves: prompts get a quarter of that on top.
TEST(StepTimesTest, BesideTextsThatTakeAllTheTimePromptsStretchTheStep) {
  const StepTimes times(kMachine);
  const StepOutlook outlook = {8, 20000, 0};
  const double alone = times.Predict({8, 20000, 20000});
  const int64_t tokens = times.MostTokens(outlook, 0.050, kMost);
  EXPECT_GT(tokens, outlook.rows + StepTimes::kTile);
  EXPECT_LE(SecondsOf(outlook, tokens), 1.1 * 1.25 * alone);
  EXPECT_GT(SecondsOf(outlook, tokens + StepTimes::kTile), 1.25 * alone);
}

TEST(StepTimesTest, AStepHasItsOwnLimit) {
  const StepTimes times(kMachine);
  EXPECT_EQ(times.MostTokens({8, 0, 0}, 100, kMost), kMost);
  EXPECT_EQ(times.MostTokens({8, 0, 0}, 1e300, kMost), kMost);
  EXPECT_EQ(times.MostTokens({8, 0, 0}, 0.060, 16), 16);
}

// Steps of all shapes on the machine, first guesses wrong by far: the budget is met in the end.
TEST(StepTimesTest, WrongGuessesAreCorrectedByMeasuredSteps) {
  for (const double wrong : {0.1, 10.0}) {
    StepTimes times({kMachine.weights * wrong, kMachine.token * wrong, kMachine.position / wrong,
                     kMachine.pair * wrong});
    std::mt19937 random(3);
    std::uniform_real_distribution<double> noise(0.95, 1.05);
    StepOutlook outlook;
    for (int step = 0; step < 3000; ++step) {
      outlook.rows = 1 + static_cast<int64_t>(random() % 16);
      outlook.row_positions = outlook.rows * static_cast<int64_t>(random() % 2000);
      outlook.prompt_positions = static_cast<int64_t>(random() % 4096);
      const bool has_prompt = random() % 2 == 0;
      const int64_t tokens = has_prompt ? times.MostTokens(outlook, 0.060, kMost) : outlook.rows;
      if (!has_prompt) outlook.prompt_positions = 0;
      times.Learn({tokens, outlook.row_positions + outlook.prompt_positions,
                   outlook.row_positions + (tokens - outlook.rows) * outlook.prompt_positions},
                  SecondsOf(outlook, tokens) * noise(random));
    }
    for (const int64_t depth : {0, 512, 2048}) {
      outlook = {8, 8 * 300, depth};
      const double seconds = SecondsOf(outlook, times.MostTokens(outlook, 0.060, kMost));
      EXPECT_LE(seconds, 0.060 * 1.25) << wrong << " " << depth;
      if (depth < 1000) {
        EXPECT_GE(seconds, 0.060 * 0.6) << wrong << " " << depth;
      }
    }
  }
}

// Whether a machine hides the shorter of reading and multiplying behind the longer one or not: steps
// with prompts of 2048 tokens beside 8 texts meet the time, and take most of it, from the second prompt
// on.
TEST(StepTimesTest, PromptsFillTheTimeOnMachinesThatOverlapAndOnThoseThatDoNot) {
  for (const bool overlaps : {false, true}) {
    const auto seconds_of = [&](int64_t tokens, int64_t depth) {
      const double reading = kMachine.weights,
                   multiplying = static_cast<double>(tokens) * kMachine.token;
      return (overlaps ? std::max(reading, multiplying) : reading + multiplying) +
             static_cast<double>((tokens - 8) * depth) * kMachine.pair + 0.002;
    };
    const double one = seconds_of(1, 0), many = seconds_of(48, 0);
    StepTimes times({one - (many - one) / 47, (many - one) / 47, 1e-6, 1e-7});
    for (int prompt = 0; prompt < 4; ++prompt) {
      for (int step = 0; step < 20; ++step) times.Learn({8, 2400, 2400}, seconds_of(8, 0));
      for (int64_t depth = 0; depth < 2048;) {
        const int64_t tokens = times.MostTokens({8, 2400, depth}, 0.060, kMost);
        const double seconds = seconds_of(tokens, depth);
        if (prompt > 0) {
          EXPECT_LE(seconds, 0.060 * 1.25) << overlaps << " " << prompt << " " << depth;
          EXPECT_GE(seconds, 0.060 * 0.75) << overlaps << " " << prompt << " " << depth;
        }
        times.Learn({tokens, 2400 + depth, 2400 + (tokens - 8) * depth}, seconds);
        depth += tokens - 8;
      }
    }
  }
}

TEST(StepTimesTest, AStepThatWasHeldUpChangesLittle) {
  StepTimes times(kMachine);
  times.Learn({48, 2400, 2400}, 60);
  EXPECT_LT(times.costs().token, kMachine.token * 2);
  for (int i = 0; i < 40; ++i) {
    times.Learn({48, 2400, 2400}, StepTimes(kMachine).Predict({48, 2400, 2400}));
  }
  EXPECT_NEAR(times.costs().token, kMachine.token, 0.05 * kMachine.token);
}

TEST(StepTimesTest, CostsStayAboveZero) {
  StepTimes times(kMachine);
  for (int i = 0; i < 1000; ++i) times.Learn({48, 2400, 24000}, 0);
  EXPECT_GT(times.costs().token, 0);
  EXPECT_GT(times.costs().position, 0);
  EXPECT_GT(times.costs().pair, 0);
}

}  // namespace
}  // namespace lluda::engine
