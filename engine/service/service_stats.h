// What a service has done since it started, and what it is doing: the figures of /metrics.
//
//   std::unique_ptr<ServiceStats> stats = service->Stats();
//   stats->running;                                  // choices that have a place in the cache
//   stats->finished[ServiceStats::kStop];            // choices that a stop token or string ended
//   stats->step_seconds.counts.back();               // steps longer than every bound
//
// A copy, taken without waiting for a step: figures of one moment, give or take a step.
#ifndef LLUDA_ENGINE_SERVICE_SERVICE_STATS_H_
#define LLUDA_ENGINE_SERVICE_SERVICE_STATS_H_

#include <array>
#include <cstdint>
#include <vector>

namespace lluda::engine {

// counts[i] values were at most bounds[i] and above bounds[i - 1]; the last of counts, one more
// than there are bounds, were above all.
struct HistogramCounts {
  std::vector<double> bounds;
  std::vector<int64_t> counts;
  double sum = 0;
  int64_t count() const {
    int64_t total = 0;
    for (const int64_t n : counts) total += n;
    return total;
  }
};

struct ServiceStats {
  // Why a choice ended: the first four as FinishReason.
  enum Finished { kLength, kStop, kContext, kCancelled, kError, kFinishedCount };
  // Why a request was not taken, or left the queue without having run.
  enum Rejected { kQueueFull, kQueueTimeout, kDraining, kInvalid, kRejectedCount };

  // Now.
  int64_t running = 0;     // choices with a place in the cache
  int64_t waiting = 0;     // choices without one
  int64_t paused = 0;      // of the running, those whose client does not read
  double cache_usage = 0;  // share of the cache's pages that are in use, or remembered
  bool draining = false;

  // Since the start.
  int64_t steps = 0;
  int64_t failed_steps = 0;
  int64_t preemptions = 0;      // of choices, as the cache had no more pages
  int64_t prompt_tokens = 0;    // of choices that got a place, those found in the cache included
  int64_t computed_tokens = 0;  // prompt tokens that steps have computed
  int64_t generated_tokens = 0;
  int64_t prefix_queries = 0;  // tokens that were looked for in the cache
  int64_t prefix_hits = 0;     // and found
  std::array<int64_t, kFinishedCount> finished{};
  std::array<int64_t, kRejectedCount> rejected{};

  // In seconds, or tokens.
  HistogramCounts time_to_first_token, inter_token, end_to_end, queue, prefill, decode,
      step_seconds;
  HistogramCounts request_prompt_tokens, request_generated_tokens, iteration_tokens;
  // The least time that reading takes on this machine over the step's own, of each step that reads
  // for longer than it multiplies; of none where nobody has counted what a step reads.
  HistogramCounts step_limit_ratio;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_SERVICE_STATS_H_
