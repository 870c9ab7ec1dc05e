// How fast several texts are generated side by side, through the scheduler that serves them.
//
//   StreamsBench bench(model.get(), work, /*gen_tokens=*/128, /*repeat=*/5);
//   absl::StatusOr<StreamsResult> result = bench.Measure(/*streams=*/8, meter.get());
//   result->speed.tokens_per_s.median   // of all eight together
#ifndef LLUDA_TOOLS_BENCH_BENCH_STREAMS_H_
#define LLUDA_TOOLS_BENCH_BENCH_STREAMS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/generate/scheduler.h"
#include "engine/model.h"
#include "tools/bench/bench_result.h"
#include "tools/bench/bench_speed.h"
#include "tools/measure/limits.h"

namespace lluda::tools {

// Tokens of each stream's prompt: one, so that all prompts fit the first step and end together.
inline constexpr int64_t kStreamPrompt = 1;

class StreamsBench {
 public:
  // `model` must outlive it, and hold kStreamPrompt + gen_tokens tokens and compute as many at a
  // time as there are streams. Each stream generates
  // `gen_tokens`, at least 2, and all of it `repeat` times.
  StreamsBench(engine::Model* model, const StepWork& work, int64_t gen_tokens, int repeat)
      : model_(model), work_(work), gen_tokens_(gen_tokens), repeat_(repeat) {}

  // Times what follows the first token of each stream. Internal if a stream's tokens are not those
  // that it has alone.
  absl::StatusOr<StreamsResult> Measure(int64_t streams, LimitMeter* meter);

 private:
  using Tokens = std::vector<int32_t>;

  absl::StatusOr<Tokens> Alone(int64_t stream);
  absl::StatusOr<std::unique_ptr<engine::Sequence>> Begin(const engine::Scheduler& scheduler,
                                                          int64_t stream) const;
  // Of the last step, if it had so many streams behind so many tokens.
  double WorkOf(codegen::Limit limit, int64_t streams, int64_t depth) const;

  engine::Model* model_;
  StepWork work_;
  int64_t gen_tokens_;
  int repeat_;
  std::vector<Tokens> alone_;  // of each stream, as far as they have been asked for
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_STREAMS_H_
