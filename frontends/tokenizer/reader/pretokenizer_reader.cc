#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/status_macros.h"
#include "frontends/tokenizer/reader/component.h"
#include "frontends/tokenizer/reader/step_readers.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// In the order of the enumerations.
constexpr std::string_view kBehaviors[] = {"Isolated", "Removed", "MergedWithPrevious",
                                           "MergedWithNext", "Contiguous"};
static_assert(std::size(kBehaviors) == kSplitBehaviors);
constexpr std::string_view kSchemes[] = {"always", "first", "never"};
static_assert(std::size(kSchemes) == kPrependSchemes);

// The number of the member `key` among `names`, the first of which it is where it is absent.
template <size_t kSize>
absl::StatusOr<int> ReadName(const base::JsonValue& json, std::string_view key,
                             const std::string_view (&names)[kSize]) {
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> value, json.GetOptional(key));
  if (!value.has_value()) return 0;
  ASSIGN_OR_RETURN(const std::string_view name, value->String());
  const auto* found = std::find(std::begin(names), std::end(names), name);
  if (found != std::end(names)) return static_cast<int>(found - std::begin(names));
  return value->ErrorIn(Concat(base::QuoteForMessage(name), " is not supported"));
}

absl::StatusOr<PretokenizerStep> ReadSplit(const base::JsonValue& json) {
  SplitStep step;
  RETURN_IF_ERROR(json.GetString("behavior").status());
  ASSIGN_OR_RETURN(const int behavior, ReadName(json, "behavior", kBehaviors));
  step.behavior = static_cast<SplitBehavior>(behavior);
  ASSIGN_OR_RETURN(step.invert, json.GetBool("invert", false));
  ASSIGN_OR_RETURN(const base::JsonValue pattern, json.Get("pattern"));
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> regex, pattern.GetOptional("Regex"));
  step.is_regex = regex.has_value();
  ASSIGN_OR_RETURN(const std::string_view text,
                   pattern.GetString(step.is_regex ? "Regex" : "String"));
  step.pattern = std::string(text);
  return step;
}

absl::StatusOr<PretokenizerStep> ReadDigits(const base::JsonValue& json) {
  ASSIGN_OR_RETURN(const bool individual, json.GetBool("individual_digits", false));
  return SplitStep{/*is_regex=*/true, individual ? R"(\p{N})" : R"(\p{N}+)"};
}

absl::StatusOr<PretokenizerStep> ReadByteLevel(const base::JsonValue& json) {
  ByteLevelStep step;
  ASSIGN_OR_RETURN(step.add_prefix_space, json.GetBool("add_prefix_space", true));
  ASSIGN_OR_RETURN(step.gpt2_regex, json.GetBool("use_regex", true));
  return step;
}

absl::StatusOr<PretokenizerStep> ReadMetaspace(const base::JsonValue& json) {
  MetaspaceStep step;
  ASSIGN_OR_RETURN(const std::string_view replacement, json.GetString("replacement"));
  step.replacement = std::string(replacement);
  ASSIGN_OR_RETURN(const int scheme, ReadName(json, "prepend_scheme", kSchemes));
  step.prepend = static_cast<PrependScheme>(scheme);
  ASSIGN_OR_RETURN(step.split, json.GetBool("split", true));
  // The flag of older files; Hugging Face's library refuses the same contradiction.
  ASSIGN_OR_RETURN(const bool add_prefix_space, json.GetBool("add_prefix_space", true));
  if (!add_prefix_space && step.prepend != PrependScheme::kNever) {
    return json.ErrorIn("add_prefix_space false does not match the prepend_scheme");
  }
  return step;
}

struct Kind {
  std::string_view type;
  absl::StatusOr<PretokenizerStep> (*read)(const base::JsonValue& json);
};
constexpr Kind kKinds[] = {{"Split", ReadSplit},
                           {"Digits", ReadDigits},
                           {"ByteLevel", ReadByteLevel},
                           {"Metaspace", ReadMetaspace}};

}  // namespace

absl::StatusOr<Pretokenizer> ReadPretokenizer(const base::JsonValue& root) {
  Pretokenizer result;
  ASSIGN_OR_RETURN(const auto steps, ReadComponent(root, "pre_tokenizer", "pretokenizers"));
  for (const ComponentStep& step : steps) {
    const Kind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                    [&](const Kind& known) { return known.type == step.type; });
    if (kind == std::end(kKinds)) return step.Unsupported();
    if (result.is_byte_level()) {
      return step.json.ErrorIn(Concat(step.type, " after ByteLevel is not supported"));
    }
    ASSIGN_OR_RETURN(const PretokenizerStep read, kind->read(step.json));
    const absl::Status added = result.Add(read);
    if (added.ok()) continue;
    const absl::StatusOr<base::JsonValue> pattern = step.json.Get("pattern");
    return (pattern.ok() ? *pattern : step.json).ErrorIn(added.message());
  }
  return result;
}

}  // namespace lluda::tokenizer
