#include "tools/bench/bench_model.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "codegen/llvm/target.h"
#include "tools/bench/bench_batch.h"
#include "tools/bench/bench_check.h"
#include "tools/bench/bench_peer.h"
#include "tools/bench/bench_runner.h"
#include "tools/bench/bench_streams.h"
#include "tools/bench/limit_rates.h"
#include "tools/measure/accounting.h"
#include "tools/measure/limits.h"
#include "tools/measure/machine.h"

namespace lluda::tools {
namespace {

using Clock = std::chrono::steady_clock;

// Of the prompt whose logits the interpreter computes, which it does slowly.
constexpr int64_t kCheckedTokens = 4;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// What a step does, counted in the module that is compiled or that a bundle was compiled from.
absl::StatusOr<StepWork> CountWork(const OptimisedModel& model) {
  ASSIGN_OR_RETURN(StepCost cost, CountStep(*model.module));
  StepCost decode = cost;
  if (model.module->FindFunc(step_interface::kTop) != nullptr) {
    ASSIGN_OR_RETURN(decode, CountStep(*model.module, step_interface::kTop));
  }
  const ir::DType input =
      model.numbers.precision == engine::Precision::kBF16 ? ir::DType::kBF16 : ir::DType::kF32;
  return StepWork{std::move(cost), std::move(decode),
                  ArithmeticLimit(model.target, model.device, input, input)};
}

// What the untimed runs gave, for comparison with the timed ones.
struct Expected {
  std::vector<std::vector<float>> prompts;        // logits after each
  std::vector<std::vector<int32_t>> generations;  // tokens at each depth
};

absl::StatusOr<Expected> RunUntimed(const BenchOptions& bench, BenchRunner* runner) {
  Expected expected;
  for (const int64_t tokens : bench.prompt_tokens) {
    ASSIGN_OR_RETURN(std::vector<float> logits, runner->UntimedPrompt(tokens));
    expected.prompts.push_back(std::move(logits));
  }
  for (const int64_t depth : bench.depths) {
    ASSIGN_OR_RETURN(std::vector<int32_t> tokens,
                     runner->UntimedGeneration(depth, bench.gen_tokens));
    expected.generations.push_back(std::move(tokens));
  }
  return expected;
}

absl::Status RunTimed(const BenchOptions& bench, const Expected& expected, engine::Model* model,
                      const StepWork& work, BenchRunner* runner, LimitMeter* meter,
                      BenchResult* result) {
  const BusyMonitor monitor;
  result->limits = MeasureLimits(meter);
  for (size_t i = 0; i < bench.prompt_tokens.size(); ++i) {
    ASSIGN_OR_RETURN(PrefillResult prefill, runner->Prefill(bench.prompt_tokens[i], bench.repeat,
                                                            expected.prompts[i], meter));
    result->prefill.push_back(std::move(prefill));
  }
  for (size_t i = 0; i < bench.depths.size(); ++i) {
    ASSIGN_OR_RETURN(DecodeResult decode,
                     runner->Decode(bench.depths[i], bench.repeat, expected.generations[i], meter));
    result->decode.push_back(std::move(decode));
  }
  StreamsBench streams(model, work, bench.gen_tokens, bench.repeat);
  for (const int64_t count : bench.streams) {
    ASSIGN_OR_RETURN(StreamsResult measured, streams.Measure(count, meter));
    result->streams.push_back(std::move(measured));
  }
  if (!bench.batch.empty()) {
    ASSIGN_OR_RETURN(result->batch,
                     MeasureBatch(model, bench.depths.front(), bench.batch, bench.repeat));
  }
  result->warning = monitor.Warning();
  return absl::OkStatus();
}

// After the busy machine was looked for: a peer is busy.
absl::Status RunPeers(const BenchOptions& bench, const std::vector<Peer>& peers,
                      const Expected& expected, int threads, BenchRunner* runner, LimitMeter* meter,
                      BenchResult* result) {
  for (const Peer& peer : peers) {
    PeerResult measured{peer.program, peer.gguf, peer.flags, {}, {}};
    for (size_t i = 0; i < bench.prompt_tokens.size(); ++i) {
      const int64_t tokens = bench.prompt_tokens[i];
      const auto own = [&]() -> absl::StatusOr<double> {
        ASSIGN_OR_RETURN(const PrefillResult prefill,
                         runner->Prefill(tokens, 1, expected.prompts[i], meter));
        return prefill.speed.tokens_per_s.median;
      };
      ASSIGN_OR_RETURN(PeerSpeed speed,
                       MeasurePeer(peer, {tokens, 0, 0}, threads, bench.repeat, own));
      measured.prefill.push_back(speed);
    }
    for (size_t i = 0; i < bench.depths.size(); ++i) {
      const auto own = [&]() -> absl::StatusOr<double> {
        ASSIGN_OR_RETURN(const DecodeResult decode,
                         runner->Decode(bench.depths[i], 1, expected.generations[i], meter));
        return decode.speed.tokens_per_s.median;
      };
      const PeerTest test{0, bench.gen_tokens, bench.depths[i]};
      ASSIGN_OR_RETURN(PeerSpeed speed, MeasurePeer(peer, test, threads, bench.repeat, own));
      measured.decode.push_back(speed);
    }
    result->peers.push_back(std::move(measured));
  }
  return absl::OkStatus();
}

absl::Status CountCalls(const engine::Model& model, const BenchOptions& bench, BenchRunner* runner,
                        BenchResult* result) {
  ASSIGN_OR_RETURN(result->decode_calls, runner->CountCalls(1));
  ASSIGN_OR_RETURN(result->prefill_calls,
                   runner->CountCalls(std::min(bench.prompt_tokens.front(), model.max_step())));
  return absl::OkStatus();
}

// Logits of a few tokens, for the interpreter to confirm when the model is gone.
struct Unconfirmed {
  engine::LoadOptions options;
  OptimisedModel optimised;
  std::vector<int32_t> tokens;
  std::vector<float> logits;
};

absl::StatusOr<Unconfirmed> Measure(const BenchOptions& bench, BenchResult* result) {
  std::vector<Peer> peers;
  for (const std::string& text : bench.peers) {
    ASSIGN_OR_RETURN(Peer peer, ParsePeer(text));
    peers.push_back(std::move(peer));
  }
  // Loading begins with the files and the passes, which run once for the module that is counted in
  // and compiled.
  const Clock::time_point opening = Clock::now();
  ASSIGN_OR_RETURN(engine::LoadOptions options, bench.open());
  options.need_tokenizer = false;
  ASSIGN_OR_RETURN(OptimisedModel optimised, OpenOptimised(options, engine::Weights::kRequired));
  const double open_ms = MillisecondsSince(opening);
  const codegen::Target target = optimised.target;
  ASSIGN_OR_RETURN(StepWork work, CountWork(optimised));

  const Clock::time_point start = Clock::now();
  engine::LoadOptions load = options;
  load.optimised = &optimised;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, bench.load(load));
  result->load_ms = open_ms + MillisecondsSince(start);
  ASSIGN_OR_RETURN(std::unique_ptr<BenchRunner> runner, BenchRunner::Create(model.get(), work));
  const int64_t vocabulary = runner->vocabulary();
  RETURN_IF_ERROR(runner->FirstToken(BenchTokens(bench.prompt_tokens.front(), vocabulary)));
  result->start_to_first_token_ms = open_ms + MillisecondsSince(start);

  Unconfirmed unconfirmed;
  unconfirmed.options = options;
  unconfirmed.tokens = BenchTokens(kCheckedTokens, vocabulary);
  ASSIGN_OR_RETURN(unconfirmed.logits, runner->Logits(unconfirmed.tokens));
  ASSIGN_OR_RETURN(Expected expected, RunUntimed(bench, runner.get()));
  result->peak_rss_bytes = engine::PeakMemoryBytes();

  ASSIGN_OR_RETURN(std::unique_ptr<LimitMeter> meter,
                   LimitMeter::OfDevice(model->executable(), target, model->threads()));
  RETURN_IF_ERROR(RunTimed(bench, expected, model.get(), work, runner.get(), meter.get(), result));
  RETURN_IF_ERROR(
      RunPeers(bench, peers, expected, model->threads(), runner.get(), meter.get(), result));
  if (bench.stats) {
    RETURN_IF_ERROR(CountCalls(*model, bench, runner.get(), result));
  }
  result->model = model->folder();
  result->cpu = CpuName();
  result->isa = std::string(codegen::IsaName(target.isa));
  if (!model->executable()->uses_host_memory()) result->isa = model->identity().isa;
  const engine::ModuleOptions& numbers = optimised.numbers;
  result->precision = std::string(engine::PrecisionName(numbers.precision));
  result->kv_cache = std::string(engine::KvCacheName(numbers.kv_cache, numbers.precision));
  if (numbers.activations != engine::Activations::kExact) {
    result->activations = std::string(engine::ActivationsName(numbers.activations));
  }
  result->threads = model->threads();
  result->context = model->context();
  result->compile_ms = model->stats().compile_seconds * 1e3;
  result->weight_bytes = static_cast<int64_t>(work.cost.bytes);
  result->kv_bytes = runner->kv_bytes();
  result->matmul_flops_per_token = work.cost.flops_per_token;
  unconfirmed.optimised = std::move(optimised);
  return unconfirmed;
}

// Measures what a cache of int8 costs.
absl::Status ConfirmCache(const BenchOptions& bench, const Unconfirmed& measured,
                          BenchResult* result) {
  engine::LoadOptions options = measured.options;
  options.module.context = bench.wished_context;  // not the benchmark's shorter one
  ASSIGN_OR_RETURN(CacheError error, MeasureCacheError(options, bench.load, measured.tokens));
  if (!error.within_bound()) {
    return absl::InternalError(absl::StrCat("the KV cache of int8 is too far off: ",
                                            CacheErrorText(error, result->precision)));
  }
  result->cache_error = error;
  return absl::OkStatus();
}

// Whether what was measured computes what it should; says in the result how that was found.
absl::Status Confirm(const BenchOptions& bench, const Unconfirmed& measured, BenchResult* result) {
  const engine::ModuleOptions& numbers = measured.optimised.numbers;
  const bool is_bundle = measured.optimised.bundle() != nullptr;
  ASSIGN_OR_RETURN(std::string confirmed,
                   is_bundle
                       ? CheckBundleLogits(measured.optimised, measured.tokens, measured.logits)
                       : CheckLogits(**measured.options.source->Files(engine::Weights::kRequired),
                                     numbers, measured.tokens, measured.logits));
  const bool is_int8 = numbers.kv_cache == engine::KvCache::kInt8;
  if (is_int8 && !is_bundle) {
    RETURN_IF_ERROR(ConfirmCache(bench, measured, result));
  }
  result->check = absl::StrCat(
      confirmed, "; prompts to the bit and generated tokens against untimed runs in odd steps",
      is_int8 && is_bundle ? "; not the error of the int8 cache: a bundle has no other" : "");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> BenchContext(const BenchOptions& bench) {
  const int64_t longest = std::max(*absl::c_max_element(bench.prompt_tokens),
                                   *absl::c_max_element(bench.depths) + bench.gen_tokens);
  const int64_t stream = bench.streams.empty() ? 0 : kStreamPrompt + bench.gen_tokens;
  // A step has at most as many tokens as the context.
  const int64_t most = bench.streams.empty() ? 0 : *absl::c_max_element(bench.streams);
  const int64_t batch =
      bench.batch.empty() ? 0 : bench.depths.front() + *absl::c_max_element(bench.batch);
  const int64_t needed = std::max({longest, stream, most, batch, kCheckedTokens});
  if (bench.wished_context == 0) return needed;
  if (bench.wished_context >= needed) return bench.wished_context;
  return absl::InvalidArgumentError(absl::StrCat("--ctx ", bench.wished_context,
                                                 " is too short: the longest sequence has ", needed,
                                                 " tokens"));
}

absl::StatusOr<BenchResult> BenchModel(const BenchOptions& bench) {
  BenchResult result;
  ASSIGN_OR_RETURN(Unconfirmed measured, Measure(bench, &result));
  RETURN_IF_ERROR(Confirm(bench, measured, &result));
  return result;
}

}  // namespace lluda::tools
