#include "frontends/tokenizer/normalizer.h"

#include "base/status_macros.h"
#include "frontends/tokenizer/text/nfc.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

std::string Run(const NfcStep&, std::string_view text) { return ToNfc(text); }
std::string Run(const PrependStep& step, std::string_view text) {
  return text.empty() ? "" : Concat(step.text, text);
}
std::string Run(const ReplaceStep& step, std::string_view text) {
  return ReplaceAll(text, step.pattern, step.content);
}

}  // namespace

absl::StatusOr<Normalizer> Normalizer::Create(const NormalizerSteps& steps) {
  Normalizer result;
  for (const NormalizerStep& step : steps) {
    RETURN_IF_ERROR(result.Add(step));
  }
  return result;
}

absl::Status Normalizer::Add(const NormalizerStep& step) {
  const auto* replace = std::get_if<ReplaceStep>(&step);
  if (replace != nullptr && replace->pattern.empty()) {
    return absl::InvalidArgumentError("the pattern is empty");
  }
  steps_.push_back(step);
  return absl::OkStatus();
}

std::string Normalizer::Apply(std::string_view text) const {
  std::string result(text);
  for (const NormalizerStep& step : steps_) {
    result = std::visit([&](const auto& kind) { return Run(kind, result); }, step);
  }
  return result;
}

}  // namespace lluda::tokenizer
