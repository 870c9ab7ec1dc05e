#include "cli/flags/generation_flags.h"

#include <unistd.h>

#include <iostream>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/files/whole_file.h"
#include "cli/terminal/output.h"
#include "engine/grammar/token_trie.h"

namespace lluda::cli {
namespace {

// `defaults` with the flags that were given. Who asks for top-k, top-p or min-p but not for a
// temperature wants draws: where the default is greedy, the temperature becomes 1.
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

}  // namespace

engine::Speculate SpeculateOf(const GenerateFlags& flags) {
  if (flags.speculate == "off") return engine::Speculate::kOff;
  return flags.speculate == "prompt" ? engine::Speculate::kPrompt : engine::Speculate::kDrafter;
}

absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags) {
  if (flags.text) return *flags.text;
  if (flags.file) return base::ReadInput(*flags.file);
  if (IsTerminal(STDIN_FILENO)) {
    return absl::InvalidArgumentError("no prompt: give one with -p or -f, or on stdin");
  }
  return base::ReadInput("-");
}

absl::StatusOr<std::shared_ptr<const grammar::Constraint>> ConstraintOf(
    std::shared_ptr<const grammar::Grammar> grammar, const engine::Model& model,
    const grammar::ConstraintOptions& options) {
  if (grammar == nullptr) return std::shared_ptr<const grammar::Constraint>();
  return grammar::Constraint::Create(std::move(grammar), model.trie(), options);
}

engine::GenerateOptions GenerateOptionsOf(const GenerateFlags& flags, const engine::Model& model,
                                          engine::Drafter* drafter) {
  engine::GenerateOptions options;
  options.max_new_tokens = flags.max_new_tokens;
  options.sampler = SamplerOf(flags.sampler, model.DefaultSampler());
  options.stop_tokens = model.StopTokens();
  options.stop_strings = flags.stops;
  options.speculate = SpeculateOf(flags);
  options.drafter = drafter;
  return options;
}

std::function<bool(absl::string_view)> StdoutWriter(absl::Status* written) {
  return [written](absl::string_view text) {
    *written = WriteStdout(text);
    return written->ok();
  };
}

void TellEnd(const char* program, const GenerateFlags& flags, const engine::Session& session,
             const tools::GenerationReport& report) {
  if (report.generation.finish == engine::FinishReason::kContext) {
    std::cerr << program << ": the text ends here because the context of " << session.context()
              << " tokens is full (see --ctx)\n";
  }
  if (flags.stats) std::cerr << tools::GenerationStatsText(report);
}

}  // namespace lluda::cli
