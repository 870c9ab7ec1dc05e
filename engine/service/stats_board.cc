#include "engine/service/stats_board.h"

#include <algorithm>

namespace lluda::engine {
namespace {

// 1, 2 and 5 of each power of ten: from a millisecond to some minutes, and from a token to as many
// as a long context holds.
std::vector<double> Bounds(double first, double last) {
  std::vector<double> bounds;
  for (double power = first; power <= last; power *= 10) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (power * step <= last) bounds.push_back(power * step);
    }
  }
  return bounds;
}

const std::vector<double>& BoundsOf(BoardHistogram::Kind kind) {
  static const auto& seconds = *new std::vector<double>(Bounds(0.001, 500));
  static const auto& tokens = *new std::vector<double>(Bounds(1, 200000));
  static const auto& shares =
      *new std::vector<double>{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
  switch (kind) {
    case BoardHistogram::kSeconds:
      return seconds;
    case BoardHistogram::kTokens:
      return tokens;
    case BoardHistogram::kShares:
      break;
  }
  return shares;
}

}  // namespace

BoardHistogram::BoardHistogram(Kind kind) : bounds_(BoundsOf(kind)), counts_(bounds_.size() + 1) {}

void BoardHistogram::Add(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(bound - bounds_.begin())].Add(1);
  sum_.Add(value);
}

HistogramCounts BoardHistogram::Read() const {
  HistogramCounts read;
  read.bounds = bounds_;
  for (const BoardNumber<int64_t>& count : counts_) read.counts.push_back(count.Get());
  read.sum = sum_.Get();
  return read;
}

std::unique_ptr<ServiceStats> StatsBoard::Read() const {
  auto stats = std::make_unique<ServiceStats>();
  stats->running = running.Get();
  stats->waiting = waiting.Get();
  stats->paused = paused.Get();
  stats->cache_usage = cache_usage.Get();
  stats->steps = steps.Get();
  stats->failed_steps = failed_steps.Get();
  stats->prompt_tokens = prompt_tokens.Get();
  stats->preemptions = preemptions.Get();
  stats->computed_tokens = computed_tokens.Get();
  stats->generated_tokens = generated_tokens.Get();
  stats->prefix_queries = prefix_queries.Get();
  stats->prefix_hits = prefix_hits.Get();
  for (size_t i = 0; i < finished.size(); ++i) stats->finished[i] = finished[i].Get();
  stats->time_to_first_token = time_to_first_token.Read();
  stats->inter_token = inter_token.Read();
  stats->end_to_end = end_to_end.Read();
  stats->queue = queue.Read();
  stats->prefill = prefill.Read();
  stats->decode = decode.Read();
  stats->step_seconds = step_seconds.Read();
  stats->request_prompt_tokens = request_prompt_tokens.Read();
  stats->request_generated_tokens = request_generated_tokens.Read();
  stats->iteration_tokens = iteration_tokens.Read();
  stats->step_limit_ratio = step_limit_ratio.Read();
  return stats;
}

}  // namespace lluda::engine
