// Runs a loaded model for `lluda bench`: prompts and generations, timed in turns with the machine's
// limits, and untimed with another division into steps for comparison.
//
//   auto runner = BenchRunner::Create(model.get(), work);
//   auto logits = (*runner)->UntimedPrompt(512);
//   auto prefill = (*runner)->Prefill(512, /*repeat=*/5, *logits, meter.get());
#ifndef LLUDA_TOOLS_BENCH_BENCH_RUNNER_H_
#define LLUDA_TOOLS_BENCH_BENCH_RUNNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/generate/sampling/sampler.h"
#include "engine/model.h"
#include "runtime/session/session.h"
#include "tools/bench/bench_result.h"
#include "tools/bench/bench_speed.h"
#include "tools/measure/limits.h"

namespace lluda::tools {

// Reproducible tokens in [0, vocabulary).
std::vector<int32_t> BenchTokens(int64_t count, int64_t vocabulary);

class BenchRunner {
 public:
  // `model` must outlive it.
  static absl::StatusOr<std::unique_ptr<BenchRunner>> Create(engine::Model* model,
                                                             const StepWork& work);

  int64_t vocabulary() const { return session_->vocabulary(); }
  int64_t kv_bytes() const { return session_->kv_bytes(); }

  // The logits after `tokens`, and the likeliest token.
  absl::StatusOr<std::vector<float>> Logits(absl::Span<const int32_t> tokens);
  absl::StatusOr<int32_t> FirstToken(absl::Span<const int32_t> tokens);

  // The same in steps of odd sizes, which give the same bits: logits after a prompt of `tokens`
  // tokens; the tokens generated after `depth` others.
  absl::StatusOr<std::vector<float>> UntimedPrompt(int64_t tokens);
  absl::StatusOr<std::vector<int32_t>> UntimedGeneration(int64_t depth, int64_t tokens);

  // Times a prompt `repeat` times. Internal if its logits are not `expected`, to the bit.
  absl::StatusOr<PrefillResult> Prefill(int64_t tokens, int repeat,
                                        absl::Span<const float> expected, LimitMeter* meter);
  // Times as many tokens as `expected` has after `depth` others, `repeat` times. Internal if it
  // generates others than `expected`.
  absl::StatusOr<DecodeResult> Decode(int64_t depth, int repeat, absl::Span<const int32_t> expected,
                                      LimitMeter* meter);

  // How the calls of a step of `tokens` tokens are run.
  absl::StatusOr<StepCalls> CountCalls(int64_t tokens);

 private:
  BenchRunner(engine::Model* model, const StepWork& work, std::unique_ptr<runtime::Session> session,
              engine::Sampler sampler);
  absl::Status Fill(int64_t depth, int64_t step);

  engine::Model* model_;
  StepWork work_;
  std::unique_ptr<runtime::Session> session_;
  engine::Sampler sampler_;
  engine::SamplerScratch scratch_;
  std::vector<int32_t> tokens_;  // of prompts and of what lies before a generation
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_BENCH_BENCH_RUNNER_H_
