#include "engine/generate/measure_steps.h"

#include <algorithm>
#include <cstdint>
#include <limits>
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

// Of a step of so many tokens.
absl::StatusOr<double> SecondsOf(int64_t tokens, Scheduler* scheduler) {
  const std::vector<int32_t> ids(static_cast<size_t>(tokens), 0);
  base::Stopwatch watch;
  RETURN_IF_ERROR(scheduler->Evaluate(ids).status());
  const double seconds = std::max(kLeastSeconds, watch.Lap());
  scheduler->Clear();
  return seconds;
}

}  // namespace

absl::StatusOr<StepCosts> MeasureSteps(const runtime::Program& program, Scheduler* scheduler,
                                       const std::function<bool()>& stop) {
  const int64_t tokens =
      std::min({kTiles * StepTimes::kTile, scheduler->max_step(), scheduler->context()});
  // Of each the fastest. Not one after the other: what is done once for a model is behind the first.
  double one = std::numeric_limits<double>::infinity(), many = one;
  for (int i = 0; i < kRepeats; ++i) {
    for (double* fastest : {&many, &one}) {
      if (stop && stop()) return absl::CancelledError();
      ASSIGN_OR_RETURN(const double seconds, SecondsOf(fastest == &one ? 1 : tokens, scheduler));
      *fastest = std::min(*fastest, seconds);
    }
  }
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
  const auto more = static_cast<double>(std::max<int64_t>(1, tokens - 1));
  const double token = std::max(kLeastSeconds, (many - one) / more);
  return StepCosts{std::max(kLeastSeconds, one - token), token, position, position / kPairsPerRead};
}

}  // namespace lluda::engine
