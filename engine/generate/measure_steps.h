// What steps of a model cost on this machine, measured by a few of them: where StepTimes begins.
//
//   absl::StatusOr<StepCosts> costs = MeasureSteps(executable->program(), scheduler.get());
//   StepTimes times(*costs);
#ifndef LLUDA_ENGINE_GENERATE_MEASURE_STEPS_H_
#define LLUDA_ENGINE_GENERATE_MEASURE_STEPS_H_

#include <functional>

#include "absl/status/statusor.h"
#include "engine/generate/scheduler.h"
#include "engine/generate/step_times.h"
#include "runtime/program.h"

namespace lluda::engine {

// Runs steps of one token and of some tiles, a fifth of a second of a model of 0.6 billion
// parameters, and predicts by them what attention costs. The scheduler has nothing to compute, and
// holds nothing afterwards. Errors are those of steps; Cancelled if `stop`, which is asked before each
// of them, says that there is something better to do.
absl::StatusOr<StepCosts> MeasureSteps(const runtime::Program& program, Scheduler* scheduler,
                                       const std::function<bool()>& stop = nullptr);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_MEASURE_STEPS_H_
