// What the benchmark's turns come to: work and time of the model, held against the limit that was
// measured between them.
//
//   Limit limit = BindingLimit(work, flops, bytes, meter);
//   Speed speed = SpeedOf(limit, {{16, 0.2, 16 * bytes}}, {80.1, 79.8});
#ifndef LLUDA_TOOLS_BENCH_BENCH_SPEED_H_
#define LLUDA_TOOLS_BENCH_BENCH_SPEED_H_

#include <vector>

#include "tools/bench/bench_result.h"
#include "tools/measure/accounting.h"
#include "tools/measure/limits.h"

namespace lluda::tools {

// Of a limit between two turns: long enough for several rounds, short enough to be of their time.
inline constexpr double kTurnSeconds = 0.04;
// Steps of a generation between two measurements of the limit.
inline constexpr int64_t kSliceSteps = 16;

// What a step has to do, and with which instructions its matmuls do it.
struct StepWork {
  StepCost cost;
  StepCost
      decode;  // of the step that greedy generation runs: another one where the head is read in part
  codegen::Limit arithmetic = codegen::Limit::kF32;
};

// One timed piece.
struct Turn {
  double tokens;
  double seconds;
  double work;  // of what the limit counts
};

// The limit that allows the lower speed, measured now.
codegen::Limit BindingLimit(const StepWork& work, double flops, double bytes, LimitMeter* meter);

// `limits` were measured around the turns: one more than there are turns.
Speed SpeedOf(codegen::Limit limit, const std::vector<Turn>& turns,
              const std::vector<double>& limits);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_SPEED_H_
