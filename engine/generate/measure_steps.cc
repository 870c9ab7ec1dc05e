#include "engine/generate/measure_steps.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/status_macros.h"
#include "base/stopwatch.h"

namespace lluda::engine {
namespace {

constexpr int kRepeats = 2;
constexpr int64_t kTiles = 4;
// Positions that attention compares with a token in the time that it takes to read one.
constexpr double kPairsPerRead = 8;
// What a clock may fail to see.
constexpr double kLeastSeconds = 1e-9;

// Of a step of so many tokens, the fastest of some.
absl::StatusOr<double> SecondsOf(int64_t tokens, Scheduler* scheduler) {
  const std::vector<int32_t> ids(static_cast<size_t>(tokens), 0);
  double least = 0;
  for (int i = 0; i < kRepeats; ++i) {
    scheduler->Clear();
    base::Stopwatch watch;
    RETURN_IF_ERROR(scheduler->Evaluate(ids).status());
    const double seconds = std::max(kLeastSeconds, watch.Lap());
    least = i == 0 ? seconds : std::min(least, seconds);
  }
  scheduler->Clear();
  return least;
}

}  // namespace

absl::StatusOr<StepCosts> MeasureSteps(const runtime::Program& program, Scheduler* scheduler) {
  const int64_t tokens =
      std::min({kTiles * StepTimes::kTile, scheduler->max_step(), scheduler->context()});
  ASSIGN_OR_RETURN(const double one, SecondsOf(1, scheduler));
  ASSIGN_OR_RETURN(const double many, SecondsOf(tokens, scheduler));
  double weight_bytes = static_cast<double>(program.loaded_bytes);
  for (const runtime::Weight& weight : program.weights) {
    if (weight.read_by_entries) weight_bytes += static_cast<double>(weight.bytes);
  }
  const double position_bytes =
      static_cast<double>(scheduler->kv_bytes()) /
      static_cast<double>(scheduler->pages() * runtime::PageBudget::kPagePositions);
  // The cache is read as fast as the weights.
  const double position =
      std::max(kLeastSeconds, one * position_bytes / std::max(1.0, weight_bytes));
  return StepCosts{one, many / static_cast<double>(tokens), position, position / kPairsPerRead};
}

}  // namespace lluda::engine
