// How long steps take, learnt from those that were measured, and how many tokens a step may have so
// that it takes no longer than it should.
//
//   StepTimes times({/*weights=*/0.0150, /*token=*/0.0009, /*position=*/1.6e-6, /*pair=*/2e-7});
//   times.MostTokens({/*rows=*/8, /*row_positions=*/4000, /*prompt_positions=*/512}, 0.060, 512);
//   // 36, say
//   times.Learn({36, 8000, 20000}, 0.061);
//
// A step reads the weights and multiplies each token with them. It does both at once, but not so well
// that the shorter one takes no time: measured steps lie between the longer of the two and their sum,
// and the costs of a sum are learnt from them. On top comes attention, which reads the keys and values of
// every sequence, and compares each token with each position before it. No answer depends on any of it.
#ifndef LLUDA_ENGINE_GENERATE_STEP_TIMES_H_
#define LLUDA_ENGINE_GENERATE_STEP_TIMES_H_

#include <cstdint>

namespace lluda::engine {

// What a step computes.
struct StepShape {
  int64_t tokens = 0;     // at least 1
  int64_t positions = 0;  // that its sequences hold, each once
  int64_t pairs = 0;      // of a token and a position of its sequence
};

// In seconds; all above 0.
struct StepCosts {
  double weights = 0;   // to read all of them
  double token = 0;     // that one more takes, which is multiplied with all weights
  double position = 0;  // to read one's keys and values
  double pair = 0;      // to compare a token with a position
};

// What is known of a step before its prompt tokens are chosen.
struct StepOutlook {
  int64_t rows = 0;              // texts that are being written, a token each
  int64_t row_positions = 0;     // that they hold together
  int64_t prompt_positions = 0;  // that the prompt which goes first holds
};

class StepTimes {
 public:
  // Without costs any number of tokens fits any time; the first step that is learnt gives a guess.
  StepTimes() = default;
  explicit StepTimes(const StepCosts& costs) : costs_(costs) {}

  double Predict(const StepShape& shape) const;
  // Whether weights are what so many tokens wait for.
  bool IsReading(int64_t tokens) const {
    return static_cast<double>(tokens) * costs_.token <= costs_.weights;
  }

  // Follows a step that took so long. What makes up most of the prediction learns most.
  void Learn(const StepShape& shape, double seconds);

  // The most tokens, the rows among them, that are predicted to take `seconds`, in whole tiles of
  // kTile, as a part of one takes as long as all of it: as many as come nearest, if they take at most
  // kMostOver of the time more; or kStretch times as long as the rows alone, where that is more, so that
  // prompts do not crawl behind texts that take all the time already. At least kTile beside the rows, so
  // that prompts go on; and no more than `most`, which is the answer where there are no rows, as nobody
  // waits for the step.
  int64_t MostTokens(const StepOutlook& outlook, double seconds, int64_t most) const;

  const StepCosts& costs() const { return costs_; }

  static constexpr int64_t kTile = 12;  // tokens that matrices take at a time
  static constexpr double kStretch = 1.25;
  static constexpr double kMostOver = 0.1;

 private:
  StepCosts costs_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_STEP_TIMES_H_
