#include <string>
#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/component.h"
#include "frontends/tokenizer/reader/step_readers.h"

namespace lluda::tokenizer {
namespace {

absl::StatusOr<NormalizerStep> ReadStep(const ComponentStep& step) {
  if (step.type == "NFC") return NfcStep{};
  if (step.type == "Replace") return ReadReplace(step.json);
  if (step.type == "Prepend") {
    ASSIGN_OR_RETURN(const std::string_view text, step.json.GetString("prepend"));
    return PrependStep{std::string(text)};
  }
  return step.Unsupported();
}

}  // namespace

absl::StatusOr<Normalizer> ReadNormalizer(const base::JsonValue& root) {
  Normalizer result;
  ASSIGN_OR_RETURN(const auto steps, ReadComponent(root, "normalizer", "normalizers"));
  for (const ComponentStep& step : steps) {
    ASSIGN_OR_RETURN(const NormalizerStep read, ReadStep(step));
    RETURN_IF_ERROR(step.InField(result.Add(read)));
  }
  return result;
}

}  // namespace lluda::tokenizer
