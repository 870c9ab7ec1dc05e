#include "tools/bench/bench_streams.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "engine/generate/measure_steps.h"
#include "engine/service/service_options.h"
#include "tools/bench/bench_runner.h"

namespace lluda::tools {
namespace {

using codegen::Limit;

// As a server's, by default.
constexpr double kStepSeconds = engine::ServiceOptions().step_seconds;

absl::StatusOr<std::unique_ptr<engine::Scheduler>> OpenScheduler(engine::Model* model,
                                                                 int64_t streams, int64_t context) {
  runtime::SessionOptions options;
  options.slots = static_cast<int>(streams);
  options.context = context;
  options.max_step = model->max_step();
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Scheduler> scheduler,
                   engine::Scheduler::Create(model->executable(), options, model->pool()));
  ASSIGN_OR_RETURN(const engine::StepCosts costs,
                   engine::MeasureSteps(model->executable()->program(), scheduler.get()));
  scheduler->SetCosts(costs);
  return scheduler;
}

}  // namespace

absl::StatusOr<std::unique_ptr<engine::Sequence>> StreamsBench::Begin(
    const engine::Scheduler& scheduler, int64_t stream) const {
  // Each stream has tokens of its own, so that none finds another one's beginning in the cache.
  const auto all = BenchTokens((stream + 1) * kStreamPrompt, scheduler.vocabulary());
  const auto prompt = absl::MakeConstSpan(all).subspan(all.size() - kStreamPrompt);
  engine::GenerateOptions options;
  options.max_new_tokens = gen_tokens_;
  options.sampler.temperature = 0;
  return engine::Sequence::Create({nullptr, scheduler.vocabulary(), scheduler.context()}, prompt,
                                  options);
}

absl::StatusOr<StreamsBench::Tokens> StreamsBench::Alone(int64_t stream) {
  while (static_cast<int64_t>(alone_.size()) <= stream) {
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Scheduler> scheduler,
                     OpenScheduler(model_, 1, kStreamPrompt + gen_tokens_));
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Sequence> sequence,
                     Begin(*scheduler, static_cast<int64_t>(alone_.size())));
    scheduler->Add(sequence.get());
    bool more = true;
    while (more) {
      ASSIGN_OR_RETURN(more, scheduler->StepWithin(kStepSeconds));
    }
    ASSIGN_OR_RETURN(engine::Generation generation, sequence->TakeResult());
    alone_.push_back(std::move(generation.tokens));
  }
  return alone_[static_cast<size_t>(stream)];
}

// A step reads the weights once, and each stream its part of the cache.
double StreamsBench::WorkOf(Limit limit, int64_t streams, int64_t depth) const {
  const auto count = static_cast<double>(streams);
  const StepCost& cost = work_.decode;
  if (limit != Limit::kDramRead) return count * cost.Decode(depth).total();
  const auto columns = static_cast<double>(model_->executable()->computed_columns());
  return cost.bytes + cost.bytes_per_column * columns + count * cost.CacheBytes(depth);
}

absl::StatusOr<StreamsResult> StreamsBench::Measure(int64_t streams, LimitMeter* meter) {
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Scheduler> scheduler,
                   OpenScheduler(model_, streams, kStreamPrompt + gen_tokens_));
  const int64_t middle = kStreamPrompt + gen_tokens_ / 2;
  const Limit limit =
      BindingLimit(work_, static_cast<double>(streams) * work_.decode.Decode(middle).total(),
                   WorkOf(Limit::kDramRead, streams, middle), meter);
  std::vector<Turn> turns;
  std::vector<double> limits = {meter->Measure(limit, kTurnSeconds)};
  for (int round = 0; round < repeat_; ++round) {
    scheduler->Clear();
    std::vector<std::unique_ptr<engine::Sequence>> sequences;
    for (int64_t stream = 0; stream < streams; ++stream) {
      ASSIGN_OR_RETURN(std::unique_ptr<engine::Sequence> sequence, Begin(*scheduler, stream));
      scheduler->Add(sequence.get());
      sequences.push_back(std::move(sequence));
    }
    // All prompts, each of which gives a token.
    RETURN_IF_ERROR(scheduler->StepWithin(kStepSeconds).status());
    for (int64_t done = 1; done < gen_tokens_;) {
      const int64_t steps = std::min(kSliceSteps, gen_tokens_ - done);
      Turn turn = {static_cast<double>(streams * steps), 0, 0};
      base::Stopwatch watch;
      for (int64_t step = 0; step < steps; ++step, ++done) {
        RETURN_IF_ERROR(scheduler->StepWithin(kStepSeconds).status());
        turn.work += WorkOf(limit, streams, kStreamPrompt + done - 1);
      }
      turn.seconds = watch.Lap();
      turns.push_back(turn);
      limits.push_back(meter->Measure(limit, kTurnSeconds));
    }
    ASSIGN_OR_RETURN(const bool more, scheduler->StepWithin(kStepSeconds));
    if (more) return absl::InternalError("streams of one length do not end together");
    for (int64_t stream = 0; stream < streams; ++stream) {
      ASSIGN_OR_RETURN(const Tokens expected, Alone(stream));
      ASSIGN_OR_RETURN(const engine::Generation generation,
                       sequences[static_cast<size_t>(stream)]->TakeResult());
      if (generation.tokens == expected) continue;
      return absl::InternalError(absl::StrCat("the output is wrong: of ", streams,
                                              " streams, number ", stream,
                                              " has other tokens than alone"));
    }
  }
  return StreamsResult{streams, gen_tokens_, SpeedOf(limit, turns, limits)};
}

}  // namespace lluda::tools
