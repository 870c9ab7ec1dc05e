#include "frontends/tokenizer/reader/component.h"

#include <optional>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

absl::Status Collect(const base::JsonValue& json, std::string_view list,
                     std::vector<ComponentStep>* steps) {
  ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (type != "Sequence") {
    steps->push_back({json, type});
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const base::JsonValue parts, json.Get(list));
  ASSIGN_OR_RETURN(const simdjson::dom::array array, parts.Array());
  int index = 0;
  for (const simdjson::dom::element part : array) {
    RETURN_IF_ERROR(Collect(parts.Item(part, index++), list, steps));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ComponentStep::Unsupported() const {
  return json.ErrorIn(Concat("type ", base::QuoteForMessage(type), " is not supported"));
}

absl::Status ComponentStep::InField(const absl::Status& status) const {
  return status.ok() ? status : json.ErrorIn(status.message());
}

absl::StatusOr<std::vector<ComponentStep>> ReadComponent(const base::JsonValue& root,
                                                         std::string_view key,
                                                         std::string_view list) {
  std::vector<ComponentStep> steps;
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> json, root.GetOptional(key));
  if (json.has_value()) RETURN_IF_ERROR(Collect(*json, list, &steps));
  return steps;
}

absl::StatusOr<std::string> ReadStringPattern(const base::JsonValue& step) {
  ASSIGN_OR_RETURN(const base::JsonValue pattern, step.Get("pattern"));
  ASSIGN_OR_RETURN(const std::optional<base::JsonValue> regex, pattern.GetOptional("Regex"));
  if (regex.has_value()) return regex->ErrorIn("a regular expression is not supported here");
  ASSIGN_OR_RETURN(const std::string_view text, pattern.GetString("String"));
  return std::string(text);
}

absl::StatusOr<ReplaceStep> ReadReplace(const base::JsonValue& step) {
  ASSIGN_OR_RETURN(std::string pattern, ReadStringPattern(step));
  ASSIGN_OR_RETURN(const std::string_view content, step.GetString("content"));
  return ReplaceStep{std::move(pattern), std::string(content)};
}

}  // namespace lluda::tokenizer
