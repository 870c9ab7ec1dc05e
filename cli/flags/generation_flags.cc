#include "cli/flags/generation_flags.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "cli/terminal/output.h"
#include "engine/grammar/token_trie.h"

namespace lluda::cli {

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

engine::Speculate SpeculateOf(const GenerateFlags& flags) {
  if (flags.speculate == "off") return engine::Speculate::kOff;
  return flags.speculate == "prompt" ? engine::Speculate::kPrompt : engine::Speculate::kDrafter;
}

absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags) {
  if (flags.text) return *flags.text;
  if (flags.file) return ReadInput(*flags.file);
  if (IsTerminal(STDIN_FILENO)) {
    return absl::InvalidArgumentError("no prompt: give one with -p or -f, or on stdin");
  }
  return ReadInput("-");
}

absl::StatusOr<std::shared_ptr<const grammar::Constraint>> ConstraintOf(
    std::shared_ptr<const grammar::Grammar> grammar, const engine::Model& model,
    const grammar::ConstraintOptions& options) {
  if (grammar == nullptr) return std::shared_ptr<const grammar::Constraint>();
  return grammar::Constraint::Create(std::move(grammar), model.trie(), options);
}

std::string FullContextText(const engine::Session& session) {
  return absl::StrFormat("the text ends here because the context of %d tokens is full (see --ctx)",
                         session.context());
}

}  // namespace lluda::cli
