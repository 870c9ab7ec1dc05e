#include "tools/run/generation_report.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/json/json_writer.h"

namespace lluda::tools {
namespace {

struct Stat {
  const char* key;
  double value;
};

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::vector<Stat> StatsOf(const GenerationReport& report) {
  const engine::LoadStats& load = report.load;
  const engine::Generation& generation = report.generation;
  const int64_t computed = generation.prompt_tokens - generation.reused_tokens;
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  return {
      {"import_seconds", load.import_seconds},
      {"passes_seconds", load.passes_seconds},
      {"compile_seconds", load.compile_seconds},
      {"weights_seconds", load.weights_seconds},
      {"load_seconds", load.total_seconds},
      {"kernels", number(load.kernels)},
      {"cached_kernels", number(load.cached_kernels)},
      {"prompt_tokens", number(generation.prompt_tokens)},
      {"reused_tokens", number(generation.reused_tokens)},
      {"first_token_seconds", generation.first_token_seconds},
      {"prompt_tokens_per_second", PerSecond(computed, generation.first_token_seconds)},
      {"new_tokens", number(static_cast<int64_t>(generation.tokens.size()))},
      {"tokens_per_second",
       PerSecond(generation.decode_steps + generation.accepted_tokens, generation.decode_seconds)},
      {"guessed_tokens", number(generation.guessed_tokens)},
      {"accepted_tokens", number(generation.accepted_tokens)},
      {"head_rows_per_step", generation.decode_steps == 0
                                 ? 0
                                 : number(generation.head_rows) / number(generation.decode_steps)},
      {"threads", number(report.threads)},
      {"parallel_calls_per_token", number(generation.parallel_calls)},
      {"weight_bytes", number(load.weight_bytes)},
      {"packed_bytes", number(load.packed_bytes)},
      {"kv_cache_bytes", number(report.kv_cache_bytes)},
      {"peak_memory_bytes", number(report.peak_memory_bytes)},
  };
}

// The fields of an object that is begun.
void AddFields(const GenerationReport& report, int64_t seed, base::JsonWriter* json) {
  const engine::Generation& generation = report.generation;
  json->Key("text").String(generation.text);
  json->Key("tokens").Numbers(generation.tokens);
  json->Key("finish_reason").String(engine::FinishReasonName(generation.finish));
  json->Key("seed").Int(seed);
  json->Key("stop_token");
  generation.stop_token ? json->Int(*generation.stop_token) : json->Null();
  for (const Stat& stat : StatsOf(report)) {
    json->Key(stat.key);
    const bool whole = stat.value == std::floor(stat.value);
    whole ? json->Int(static_cast<int64_t>(stat.value)) : json->Number(stat.value);
  }
  if (!report.load.activations.empty()) json->Key("activations").String(report.load.activations);
}

}  // namespace

GenerationReport ReportOf(const engine::Model& model, const engine::Session& session,
                          engine::Generation generation) {
  return {model.stats(), std::move(generation), model.threads(), session.kv_bytes(),
          engine::PeakMemoryBytes()};
}

std::string GenerationStatsText(const GenerationReport& report) {
  const engine::Generation& generation = report.generation;
  std::string text;
  for (const Stat& stat : StatsOf(report)) {
    const bool whole = stat.value == std::floor(stat.value);
    absl::StrAppendFormat(&text, "%-26s %.*f\n", stat.key, whole ? 0 : 4, stat.value);
  }
  if (!report.load.activations.empty()) {
    absl::StrAppendFormat(&text, "%-26s %s\n", "activations", report.load.activations);
  }
  absl::StrAppendFormat(&text, "%-26s %s\n", "finish_reason",
                        engine::FinishReasonName(generation.finish));
  if (generation.finish == engine::FinishReason::kStop) {
    absl::StrAppendFormat(&text, "%-26s %s\n", "stopped_by",
                          generation.stop_token
                              ? absl::StrFormat("end token %d", *generation.stop_token)
                              : "stop string");
  }
  return text;
}

std::string GenerationJson(const GenerationReport& report, int64_t seed) {
  base::JsonWriter json;
  AddFields(report, seed, &json.BeginDocument("lluda.generate/1"));
  return json.EndDocument();
}

std::string ChatAnswerJson(const GenerationReport& report, int64_t seed, int64_t message) {
  base::JsonWriter json;
  json.BeginDocument("lluda.chat/1").Key("message").Int(message);
  AddFields(report, seed, &json.Key("answer").BeginObject());
  return json.EndObject().EndDocument();
}

}  // namespace lluda::tools
