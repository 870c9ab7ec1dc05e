#include "tools/bench/bench_speed.h"

#include "tools/measure/statistics.h"

namespace lluda::tools {

using codegen::Limit;

Limit BindingLimit(const StepWork& work, double flops, double bytes, LimitMeter* meter) {
  if (!meter->Has(work.arithmetic)) return Limit::kDramRead;
  const double arithmetic = flops / meter->Measure(work.arithmetic, kTurnSeconds);
  const double reading = bytes / meter->Measure(Limit::kDramRead, kTurnSeconds);
  return arithmetic > reading ? work.arithmetic : Limit::kDramRead;
}

Speed SpeedOf(Limit limit, const std::vector<Turn>& turns, const std::vector<double>& limits) {
  std::vector<double> tokens_per_s, rates, percents;
  for (const Turn& turn : turns) {
    tokens_per_s.push_back(turn.tokens / turn.seconds);
    rates.push_back(turn.work / turn.seconds / 1e9);
  }
  for (const double ratio : RatiosInTurns(limits, rates)) percents.push_back(100 * ratio);
  return {Summarize(tokens_per_s), Summarize(percents), limit, Summarize(limits).median};
}

}  // namespace lluda::tools
