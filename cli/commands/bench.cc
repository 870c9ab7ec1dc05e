// lluda bench: how fast a model runs, and how far that is from what the machine can do.
//
// Limit and model are measured in turns, and compared turn by turn, because the speed of a shared
// machine changes from second to second. Nothing is printed before the output is found right. In
// this order: what is loaded and run untimed, so that the peak of the memory is the model's; then
// the timed turns; then, with the model gone, the interpreter.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "codegen/llvm/target.h"
#include "tools/bench/bench_check.h"
#include "tools/bench/bench_result.h"
#include "tools/bench/bench_runner.h"
#include "tools/inspect/optimised_model.h"
#include "tools/measure/accounting.h"
#include "tools/measure/limits.h"
#include "tools/measure/machine.h"

namespace lluda::cli {
namespace {

using codegen::Limit;
using tools::LimitMeter;
using Clock = std::chrono::steady_clock;

// Of the prompt whose logits the interpreter computes, which it does slowly.
constexpr int64_t kCheckedTokens = 4;
constexpr int kLimitTurns = 3;
constexpr double kLimitSeconds = 0.05;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// The longest sequence that will be held.
int64_t NeededContext(const BenchFlags& flags) {
  return std::max(*absl::c_max_element(flags.prompt_tokens),
                  *absl::c_max_element(flags.depths) + flags.gen_tokens);
}

absl::StatusOr<ModelFlags> WithContext(const BenchFlags& flags) {
  ModelFlags model = flags.model;
  const int64_t needed = std::max(NeededContext(flags), kCheckedTokens);
  if (model.context && *model.context < needed) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--ctx ", *model.context, " is too short: the longest sequence has ", needed, " tokens"));
  }
  if (!model.context) model.context = needed;
  return model;
}

// What a step does, counted in the module that is compiled or that a bundle was compiled from.
absl::StatusOr<tools::StepWork> CountWork(const tools::OptimisedModel& model) {
  ASSIGN_OR_RETURN(tools::StepFlops flops, tools::CountFlops(*model.module));
  ASSIGN_OR_RETURN(tools::StepBytes bytes, tools::CountBytes(*model.module));
  const ir::DType input =
      model.numbers.precision == engine::Precision::kBF16 ? ir::DType::kBF16 : ir::DType::kF32;
  return tools::StepWork{flops, bytes, codegen::LimitOfMatmul(model.target, input, input)};
}

// What the untimed runs gave, for comparison with the timed ones.
struct Expected {
  std::vector<std::vector<float>> prompts;        // logits after each
  std::vector<std::vector<int32_t>> generations;  // tokens at each depth
};

absl::StatusOr<Expected> RunUntimed(const BenchFlags& flags, tools::BenchRunner* runner) {
  Expected expected;
  for (const int64_t tokens : flags.prompt_tokens) {
    ASSIGN_OR_RETURN(std::vector<float> logits, runner->UntimedPrompt(tokens));
    expected.prompts.push_back(std::move(logits));
  }
  for (const int64_t depth : flags.depths) {
    ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                     runner->UntimedGeneration(depth, flags.gen_tokens));
    expected.generations.push_back(std::move(tokens));
  }
  return expected;
}

void MeasureLimits(LimitMeter* meter, tools::BenchResult* result) {
  std::vector<double> rates[std::size(codegen::kAllLimits)];
  for (int turn = 0; turn < kLimitTurns; ++turn) {
    for (const Limit limit : codegen::kAllLimits) {
      if (!meter->Has(limit)) continue;
      rates[static_cast<size_t>(limit)].push_back(meter->Measure(limit, kLimitSeconds));
    }
  }
  for (size_t i = 0; i < std::size(rates); ++i) {
    if (!rates[i].empty()) result->limits[i] = tools::Summarize(rates[i]).median;
  }
}

absl::Status RunTimed(const BenchFlags& flags, const Expected& expected, tools::BenchRunner* runner,
                      LimitMeter* meter, tools::BenchResult* result) {
  const tools::BusyMonitor monitor;
  MeasureLimits(meter, result);
  for (size_t i = 0; i < flags.prompt_tokens.size(); ++i) {
    ASSIGN_OR_RETURN(
        tools::PrefillResult prefill,
        runner->Prefill(flags.prompt_tokens[i], flags.repeat, expected.prompts[i], meter));
    result->prefill.push_back(std::move(prefill));
  }
  for (size_t i = 0; i < flags.depths.size(); ++i) {
    ASSIGN_OR_RETURN(tools::DecodeResult decode,
                     runner->Decode(flags.depths[i], flags.repeat, expected.generations[i], meter));
    result->decode.push_back(std::move(decode));
  }
  result->warning = monitor.Warning();
  return absl::OkStatus();
}

absl::Status CountCalls(const engine::Model& model, const BenchFlags& flags,
                        tools::BenchRunner* runner, tools::BenchResult* result) {
  ASSIGN_OR_RETURN(result->decode_calls, runner->CountCalls(1));
  ASSIGN_OR_RETURN(result->prefill_calls,
                   runner->CountCalls(std::min(flags.prompt_tokens.front(), model.max_step())));
  return absl::OkStatus();
}

// Logits of a few tokens, for the interpreter to confirm when the model is gone.
struct Unconfirmed {
  engine::LoadOptions options;
  tools::OptimisedModel optimised;
  std::vector<int32_t> tokens;
  std::vector<float> logits;
};

absl::StatusOr<Unconfirmed> Measure(const BenchFlags& flags, tools::BenchResult* result) {
  ASSIGN_OR_RETURN(ModelFlags model_flags, WithContext(flags));
  // Loading begins with the files and the passes, which run once for the module that is counted in
  // and compiled.
  const Clock::time_point opening = Clock::now();
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(model_flags));
  options.need_tokenizer = false;
  ASSIGN_OR_RETURN(tools::OptimisedModel optimised,
                   tools::OpenOptimised(options, engine::Weights::kRequired));
  const double open_ms = MillisecondsSince(opening);
  const codegen::Target target = optimised.target;
  ASSIGN_OR_RETURN(tools::StepWork work, CountWork(optimised));

  const Clock::time_point start = Clock::now();
  engine::LoadOptions load = options;
  load.optimised = &optimised;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(load), model_flags.use_cache));
  result->load_ms = open_ms + MillisecondsSince(start);
  ASSIGN_OR_RETURN(std::unique_ptr<tools::BenchRunner> runner,
                   tools::BenchRunner::Create(model.get(), work));
  const int64_t vocabulary = runner->vocabulary();
  RETURN_IF_ERROR(runner->FirstToken(tools::BenchTokens(flags.prompt_tokens.front(), vocabulary)));
  result->start_to_first_token_ms = open_ms + MillisecondsSince(start);

  Unconfirmed unconfirmed;
  unconfirmed.options = options;
  unconfirmed.tokens = tools::BenchTokens(kCheckedTokens, vocabulary);
  ASSIGN_OR_RETURN(unconfirmed.logits, runner->Logits(unconfirmed.tokens));
  ASSIGN_OR_RETURN(Expected expected, RunUntimed(flags, runner.get()));
  result->peak_rss_bytes = engine::PeakMemoryBytes();

  ASSIGN_OR_RETURN(std::unique_ptr<LimitMeter> meter,
                   LimitMeter::Create(target, model->threads(), tools::DefaultReadBytes()));
  RETURN_IF_ERROR(RunTimed(flags, expected, runner.get(), meter.get(), result));
  if (flags.stats) {
    RETURN_IF_ERROR(CountCalls(*model, flags, runner.get(), result));
  }
  result->model = model->folder();
  result->cpu = tools::CpuName();
  result->isa = std::string(codegen::IsaName(target.isa));
  const engine::ModuleOptions& numbers = optimised.numbers;
  result->precision = std::string(engine::PrecisionName(numbers.precision));
  result->kv_cache = std::string(engine::KvCacheName(numbers.kv_cache, numbers.precision));
  result->threads = model->threads();
  result->context = model->context();
  result->compile_ms = model->stats().compile_seconds * 1e3;
  result->weight_bytes = work.bytes.weights;
  result->kv_bytes = runner->kv_bytes();
  result->matmul_flops_per_token = work.flops.per_token;
  unconfirmed.optimised = std::move(optimised);
  return unconfirmed;
}

// Measures what a cache of int8 costs.
absl::Status ConfirmCache(const BenchFlags& flags, const Unconfirmed& measured,
                          tools::BenchResult* result) {
  engine::LoadOptions options = measured.options;
  options.module.context = flags.model.context.value_or(0);  // not the benchmark's shorter one
  ASSIGN_OR_RETURN(tools::CacheError error,
                   tools::MeasureCacheError(options, LoaderOf(flags.model), measured.tokens));
  if (!error.within_bound()) {
    return absl::InternalError(absl::StrCat("the KV cache of int8 is too far off: ",
                                            tools::CacheErrorText(error, result->precision)));
  }
  result->cache_error = error;
  return absl::OkStatus();
}

// Whether what was measured computes what it should; says in the result how that was found.
absl::Status Confirm(const BenchFlags& flags, const Unconfirmed& measured,
                     tools::BenchResult* result) {
  const engine::ModuleOptions& numbers = measured.optimised.numbers;
  const bool is_bundle = measured.optimised.bundle() != nullptr;
  ASSIGN_OR_RETURN(
      std::string confirmed,
      is_bundle ? tools::CheckBundleLogits(measured.optimised, measured.tokens, measured.logits)
                : tools::CheckLogits(**measured.options.source->Files(engine::Weights::kRequired),
                                     numbers.precision, numbers.kv_cache, measured.tokens,
                                     measured.logits));
  const bool is_int8 = numbers.kv_cache == engine::KvCache::kInt8;
  if (is_int8 && !is_bundle) {
    RETURN_IF_ERROR(ConfirmCache(flags, measured, result));
  }
  result->check = absl::StrCat(
      confirmed, "; prompts to the bit and generated tokens against untimed runs in odd steps",
      is_int8 && is_bundle ? "; not the error of the int8 cache: a bundle has no other" : "");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunBench(const BenchFlags& flags) {
  tools::BenchResult result;
  ASSIGN_OR_RETURN(Unconfirmed measured, Measure(flags, &result));
  RETURN_IF_ERROR(Confirm(flags, measured, &result));
  RETURN_IF_ERROR(WriteStdout(tools::BenchText(result)));
  if (!flags.json_file.empty()) {
    RETURN_IF_ERROR(WriteFile(flags.json_file, tools::BenchJson(result)));
  }
  if (!result.warning.empty()) std::cerr << "lluda: warning: " << result.warning << "\n";
  return 0;
}

}  // namespace lluda::cli
