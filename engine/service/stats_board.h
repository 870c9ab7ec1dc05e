// Where a service notes what it does: numbers that one thread writes and any thread reads, without
// either waiting for the other.
//
//   board.generated_tokens.Add(1);         // on the service's thread
//   board.step_seconds.Add(0.017);
//   std::unique_ptr<ServiceStats> stats = board.Read();   // on any
#ifndef LLUDA_ENGINE_SERVICE_STATS_BOARD_H_
#define LLUDA_ENGINE_SERVICE_STATS_BOARD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/service/service_stats.h"

namespace lluda::engine {

// A number that one thread changes.
template <typename T>
class BoardNumber {
 public:
  void Set(T value) { value_.store(value, std::memory_order_relaxed); }
  void Add(T value) { Set(Get() + value); }
  T Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<T> value_{};
};

class BoardHistogram {
 public:
  enum Kind { kSeconds, kTokens, kShares };
  explicit BoardHistogram(Kind kind);
  void Add(double value);
  HistogramCounts Read() const;

 private:
  const std::vector<double>& bounds_;
  std::vector<BoardNumber<int64_t>> counts_;
  BoardNumber<double> sum_;
};

struct StatsBoard {
  // All but `rejected` and `draining`, which are the caller's.
  std::unique_ptr<ServiceStats> Read() const;

  BoardNumber<int64_t> running, waiting, paused;
  BoardNumber<double> cache_usage;
  BoardNumber<int64_t> steps, failed_steps, prompt_tokens, computed_tokens, generated_tokens;
  BoardNumber<int64_t> preemptions, prefix_queries, prefix_hits;
  std::array<BoardNumber<int64_t>, ServiceStats::kFinishedCount> finished;
  BoardHistogram time_to_first_token{BoardHistogram::kSeconds};
  BoardHistogram inter_token{BoardHistogram::kSeconds};
  BoardHistogram end_to_end{BoardHistogram::kSeconds};
  BoardHistogram queue{BoardHistogram::kSeconds};
  BoardHistogram prefill{BoardHistogram::kSeconds};
  BoardHistogram decode{BoardHistogram::kSeconds};
  BoardHistogram step_seconds{BoardHistogram::kSeconds};
  BoardHistogram request_prompt_tokens{BoardHistogram::kTokens};
  BoardHistogram request_generated_tokens{BoardHistogram::kTokens};
  BoardHistogram iteration_tokens{BoardHistogram::kTokens};
  BoardHistogram step_limit_ratio{BoardHistogram::kShares};
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SERVICE_STATS_BOARD_H_
