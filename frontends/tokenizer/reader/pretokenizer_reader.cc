#include "frontends/tokenizer/reader/pretokenizer_reader.h"

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// The error of a step as one of its field, `json`.
absl::Status InField(const absl::Status& status, const JsonValue& json) {
  return status.ok() ? status : json.Error(FromAbsl(status.message()));
}

absl::Status AddSplit(const JsonValue& json, Pretokenizer* result) {
  ASSIGN_OR_RETURN(const std::string_view behavior, json.GetString("behavior"));
  if (behavior != "Isolated") {
    return json.Error(Concat("behavior ", QuoteForMessage(behavior), " is not supported"));
  }
  ASSIGN_OR_RETURN(const JsonValue pattern, json.Get("pattern"));
  ASSIGN_OR_RETURN(const std::optional<JsonValue> regex, pattern.GetOptional("Regex"));
  const bool is_regex = regex.has_value();
  ASSIGN_OR_RETURN(const std::string_view text, pattern.GetString(is_regex ? "Regex" : "String"));
  return InField(result->AddSplit({is_regex, std::string(text)}), pattern);
}

absl::Status AddDigits(const JsonValue& json, Pretokenizer* result) {
  ASSIGN_OR_RETURN(const bool individual, json.GetBool("individual_digits", false));
  return InField(result->AddSplit({true, individual ? R"(\p{N})" : R"(\p{N}+)"}), json);
}

absl::Status SetByteLevel(const JsonValue& json, Pretokenizer* result) {
  ASSIGN_OR_RETURN(const bool add_prefix_space, json.GetBool("add_prefix_space", true));
  ASSIGN_OR_RETURN(const bool use_regex, json.GetBool("use_regex", true));
  return InField(result->SetByteLevel(add_prefix_space, use_regex), json);
}

// `*has_byte_level`: whether a ByteLevel part has come.
absl::Status AddStep(const JsonValue& json, bool* has_byte_level, Pretokenizer* result) {
  ASSIGN_OR_RETURN(const std::string_view type, json.GetString("type"));
  if (*has_byte_level) return json.Error(Concat(type, " after ByteLevel is not supported"));
  if (type == "Split") return AddSplit(json, result);
  if (type == "Digits") return AddDigits(json, result);
  if (type == "ByteLevel") {
    *has_byte_level = true;
    return SetByteLevel(json, result);
  }
  if (type != "Sequence") {
    return json.Error(Concat("type ", QuoteForMessage(type), " is not supported"));
  }
  ASSIGN_OR_RETURN(const JsonValue parts, json.Get("pretokenizers"));
  ASSIGN_OR_RETURN(const simdjson::dom::array array, parts.Array());
  int index = 0;
  for (const simdjson::dom::element part : array) {
    RETURN_IF_ERROR(AddStep(parts.Child(part, Concat("[", index++, "]")), has_byte_level, result));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Pretokenizer> ReadPretokenizer(const JsonValue& json) {
  Pretokenizer result;
  bool has_byte_level = false;
  RETURN_IF_ERROR(AddStep(json, &has_byte_level, &result));
  if (!has_byte_level) return json.Error("has no ByteLevel part: not a byte-level BPE");
  return result;
}

}  // namespace lluda::tokenizer
