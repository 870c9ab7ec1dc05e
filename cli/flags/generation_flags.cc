#include "cli/flags/generation_flags.h"

#include <unistd.h>

#include <cmath>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/json_writer.h"
#include "cli/terminal/output.h"

namespace lluda::cli {
namespace {

struct Stat {
  const char* key;
  double value;
};

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::vector<Stat> CollectStats(const engine::Model& model, const engine::Session& session,
                               const engine::Generation& generation) {
  const engine::LoadStats& load = model.stats();
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
      {"tokens_per_second", PerSecond(generation.decode_steps, generation.decode_seconds)},
      {"threads", number(model.threads())},
      {"parallel_calls_per_token", number(generation.parallel_calls)},
      {"weight_bytes", number(load.weight_bytes)},
      {"packed_bytes", number(load.packed_bytes)},
      {"kv_cache_bytes", number(session.kv_bytes())},
      {"peak_memory_bytes", number(engine::PeakMemoryBytes())},
  };
}

}  // namespace

engine::SamplerOptions SamplerOf(const SamplerFlags& flags, engine::SamplerOptions defaults) {
  const bool wants_draws = flags.top_k || flags.top_p || flags.min_p;
  if (wants_draws && defaults.temperature == 0) defaults.temperature = 1;
  const std::pair<const std::optional<double>*, float*> numbers[] = {
      {&flags.temperature, &defaults.temperature},
      {&flags.top_p, &defaults.top_p},
      {&flags.min_p, &defaults.min_p},
      {&flags.repetition_penalty, &defaults.repetition_penalty},
      {&flags.presence_penalty, &defaults.presence_penalty},
      {&flags.frequency_penalty, &defaults.frequency_penalty},
  };
  for (const auto& [given, option] : numbers) {
    if (*given) *option = static_cast<float>(**given);
  }
  if (flags.top_k) defaults.top_k = *flags.top_k;
  defaults.seed = static_cast<uint64_t>(flags.seed);
  return defaults;
}

absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags) {
  if (flags.text) return *flags.text;
  if (flags.file) return ReadInput(*flags.file);
  if (IsTerminal(STDIN_FILENO)) {
    return absl::InvalidArgumentError("no prompt: give one with -p or -f, or on stdin");
  }
  return ReadInput("-");
}

std::string FullContextText(const engine::Session& session) {
  return absl::StrFormat("the text ends here because the context of %d tokens is full (see --ctx)",
                         session.context());
}

std::string StatsText(const engine::Model& model, const engine::Session& session,
                      const engine::Generation& generation) {
  std::string text;
  for (const Stat& stat : CollectStats(model, session, generation)) {
    const bool whole = stat.value == std::floor(stat.value);
    absl::StrAppendFormat(&text, "%-26s %.*f\n", stat.key, whole ? 0 : 4, stat.value);
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

void StatsJson(const engine::Model& model, const engine::Session& session,
               const engine::Generation& generation, base::JsonWriter* json) {
  json->Key("stop_token");
  if (generation.stop_token) {
    json->Int(*generation.stop_token);
  } else {
    json->Null();
  }
  for (const Stat& stat : CollectStats(model, session, generation)) {
    json->Key(stat.key);
    if (stat.value == std::floor(stat.value)) {
      json->Int(static_cast<int64_t>(stat.value));
    } else {
      json->Number(stat.value);
    }
  }
}

}  // namespace lluda::cli
