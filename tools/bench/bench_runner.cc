#include "tools/bench/bench_runner.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "runtime/timeline.h"
#include "tools/bench/bench_check.h"

namespace lluda::tools {
namespace {

using codegen::Limit;
using Clock = std::chrono::steady_clock;

// Tokens of a step of the untimed runs: odd, so that tiles of all sizes are used.
constexpr int64_t kOddStep = 61;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::vector<int32_t> BenchTokens(int64_t count, int64_t vocabulary) {
  base::SplitMix64 random(1);
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(random.Next() % static_cast<uint64_t>(vocabulary));
  }
  return tokens;
}

BenchRunner::BenchRunner(engine::Model* model, const StepWork& work,
                         std::unique_ptr<runtime::Session> session, engine::Sampler sampler)
    : model_(model),
      work_(work),
      session_(std::move(session)),
      sampler_(std::move(sampler)),
      tokens_(BenchTokens(session_->context(), session_->vocabulary())) {}

absl::StatusOr<std::unique_ptr<BenchRunner>> BenchRunner::Create(engine::Model* model,
                                                                 const StepWork& work) {
  runtime::SessionOptions options;
  options.context = model->context();
  ASSIGN_OR_RETURN(std::unique_ptr<runtime::Session> session,
                   runtime::Session::Create(model->executable(), options));
  engine::SamplerOptions greedy;
  greedy.temperature = 0;
  ASSIGN_OR_RETURN(engine::Sampler sampler, engine::Sampler::Create(greedy, session->vocabulary()));
  return std::unique_ptr<BenchRunner>(
      new BenchRunner(model, work, std::move(session), std::move(sampler)));
}

absl::StatusOr<std::vector<float>> BenchRunner::Logits(absl::Span<const int32_t> tokens) {
  session_->Truncate(0, 0);
  ASSIGN_OR_RETURN(absl::Span<const float> logits, session_->Evaluate(tokens));
  return std::vector<float>(logits.begin(), logits.end());
}

absl::StatusOr<int32_t> BenchRunner::FirstToken(absl::Span<const int32_t> tokens) {
  session_->Truncate(0, 0);
  ASSIGN_OR_RETURN(absl::Span<const float> logits, session_->Evaluate(tokens));
  return sampler_.Sample(logits, &scratch_);
}

// Fills the empty cache with `depth` tokens, `step` of them at a time.
absl::Status BenchRunner::Fill(int64_t depth, int64_t step) {
  session_->Truncate(0, 0);
  const auto tokens = absl::MakeConstSpan(tokens_).subspan(0, static_cast<size_t>(depth));
  for (int64_t done = 0; done < depth; done += step) {
    const auto part = tokens.subspan(static_cast<size_t>(done), static_cast<size_t>(step));
    RETURN_IF_ERROR(session_->Evaluate(part));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> BenchRunner::UntimedPrompt(int64_t tokens) {
  const int64_t last = (tokens - 1) % kOddStep + 1;
  RETURN_IF_ERROR(Fill(tokens - last, kOddStep));
  const auto rest = absl::MakeConstSpan(tokens_).subspan(static_cast<size_t>(tokens - last),
                                                         static_cast<size_t>(last));
  ASSIGN_OR_RETURN(absl::Span<const float> logits, session_->Evaluate(rest));
  return std::vector<float>(logits.begin(), logits.end());
}

absl::StatusOr<std::vector<int32_t>> BenchRunner::UntimedGeneration(int64_t depth, int64_t tokens) {
  RETURN_IF_ERROR(Fill(depth, kOddStep));
  std::vector<int32_t> generated;
  int32_t next = tokens_[static_cast<size_t>(depth)];
  while (static_cast<int64_t>(generated.size()) < tokens) {
    ASSIGN_OR_RETURN(absl::Span<const float> logits,
                     session_->Evaluate(absl::MakeConstSpan(&next, 1)));
    ASSIGN_OR_RETURN(int32_t sampled, sampler_.Sample(logits, &scratch_));
    generated.push_back(next = sampled);
  }
  return generated;
}

absl::StatusOr<PrefillResult> BenchRunner::Prefill(int64_t tokens, int repeat,
                                                   absl::Span<const float> expected,
                                                   LimitMeter* meter) {
  const Flops flops = work_.cost.Prefill(tokens);
  const double bytes = work_.cost.bytes;
  const Limit limit = BindingLimit(work_, flops.total(), bytes, meter);
  const double work = limit == Limit::kDramRead ? bytes : flops.total();
  const auto prompt = absl::MakeConstSpan(tokens_).subspan(0, static_cast<size_t>(tokens));
  std::vector<Turn> turns;
  std::vector<double> first_token_ms;
  std::vector<double> limits = {meter->Measure(limit, kTurnSeconds)};
  for (int i = 0; i < repeat; ++i) {
    session_->Truncate(0, 0);
    const Clock::time_point start = Clock::now();
    absl::StatusOr<absl::Span<const float>> logits = session_->Evaluate(prompt);
    const double seconds = SecondsSince(start);
    if (!logits.ok()) return logits.status();
    RETURN_IF_ERROR(sampler_.Sample(*logits, &scratch_));
    first_token_ms.push_back(SecondsSince(start) * 1e3);
    turns.push_back({static_cast<double>(tokens), seconds, work});
    limits.push_back(meter->Measure(limit, kTurnSeconds));
    if (!absl::c_equal(*logits, expected)) {
      return absl::InternalError(
          absl::StrCat("the output is wrong: the logits after the timed prompt of ", tokens,
                       " tokens are not those of an untimed one in steps of ", kOddStep));
    }
  }
  PrefillResult result;
  result.tokens = tokens;
  result.speed = SpeedOf(limit, turns, limits);
  result.percent_of_limit_matmuls = result.speed.percent.median;
  if (limit != Limit::kDramRead) result.percent_of_limit_matmuls *= flops.matmuls / flops.total();
  result.first_token_ms = Summarize(first_token_ms);
  return result;
}

absl::StatusOr<DecodeResult> BenchRunner::Decode(int64_t depth, int repeat,
                                                 absl::Span<const int32_t> expected,
                                                 LimitMeter* meter) {
  const auto total = static_cast<int64_t>(expected.size());
  const int64_t middle = depth + total / 2;
  const Limit limit = BindingLimit(work_, work_.decode.Decode(middle).total(),
                                   work_.decode.DecodeBytes(middle), meter);
  RETURN_IF_ERROR(Fill(depth, model_->max_step()));
  int64_t columns = 0;  // of the head, where it is read in part
  std::vector<Turn> turns;
  std::vector<double> limits = {meter->Measure(limit, kTurnSeconds)};
  for (int i = 0; i < repeat; ++i) {
    if (session_->Keepable(0, depth) < depth) {
      RETURN_IF_ERROR(Fill(depth, model_->max_step()));
    }
    session_->Truncate(0, depth);
    std::vector<int32_t> generated;
    generated.reserve(expected.size());
    int32_t next = tokens_[static_cast<size_t>(depth)];
    while (static_cast<int64_t>(generated.size()) < total) {
      const int64_t left = total - static_cast<int64_t>(generated.size());
      Turn turn = {static_cast<double>(std::min(kSliceSteps, left)), 0, 0};
      const Clock::time_point start = Clock::now();
      for (int64_t step = 0; step < std::min(kSliceSteps, left); ++step) {
        const int64_t seen = session_->length();
        const runtime::Chunk chunk{
            0, absl::MakeConstSpan(&next, 1), 1, {}, sampler_.logits_needed()};
        ASSIGN_OR_RETURN(absl::Span<const float> logits,
                         session_->Evaluate(absl::MakeConstSpan(&chunk, 1)));
        const int64_t computed = model_->executable()->computed_columns();
        columns += computed;
        turn.work += limit == Limit::kDramRead
                         ? work_.decode.DecodeBytes(seen) +
                               work_.decode.bytes_per_column * static_cast<double>(computed)
                         : work_.decode.Decode(seen).total();
        ASSIGN_OR_RETURN(int32_t sampled, sampler_.Sample(logits, &scratch_));
        generated.push_back(next = sampled);
      }
      turn.seconds = SecondsSince(start);
      turns.push_back(turn);
      limits.push_back(meter->Measure(limit, kTurnSeconds));
    }
    RETURN_IF_ERROR(CheckTokens("generation", generated, expected));
  }
  DecodeResult result;
  result.tokens = total;
  result.depth = depth;
  result.speed = SpeedOf(limit, turns, limits);
  double bytes = work_.decode.DecodeBytes(depth);
  if (work_.decode.bytes_per_column > 0) {
    result.head_rows = static_cast<double>(columns) / static_cast<double>(total * repeat);
    bytes += work_.decode.bytes_per_column * *result.head_rows;
  }
  result.bytes_per_token = static_cast<int64_t>(bytes);
  return result;
}

absl::StatusOr<StepCalls> BenchRunner::CountCalls(int64_t tokens) {
  runtime::Executable* executable = model_->executable();
  const runtime::Entry& step = executable->program().entry(step_interface::kStep);
  runtime::Timeline timeline(model_->threads());
  session_->Truncate(0, 0);
  executable->RecordTo(&timeline);
  const auto prompt = absl::MakeConstSpan(tokens_).subspan(0, static_cast<size_t>(tokens));
  absl::Status status = session_->Evaluate(prompt).status();
  executable->RecordTo(nullptr);
  if (!status.ok()) return status;
  StepCalls result;
  int64_t layer_calls = 0, layer_regions = 0;
  std::set<std::pair<std::string, int64_t>> parts;  // a layer's are two: its attention and its MLP
  for (const runtime::Timeline::Region& region : timeline.regions()) {
    const runtime::CallSite& site = step.calls[region.call].site;
    const bool in_layer = site.index >= 0;
    if (in_layer) parts.insert({site.function, site.index});
    result.calls += region.calls;
    if (region.shared) ++result.regions;
    if (in_layer) layer_calls += region.calls;
    if (in_layer && region.shared) ++layer_regions;
  }
  const auto layer_count = static_cast<double>(parts.size()) / 2;
  result.calls_per_layer = static_cast<double>(layer_calls) / layer_count;
  result.regions_per_layer = static_cast<double>(layer_regions) / layer_count;
  return result;
}

}  // namespace lluda::tools
