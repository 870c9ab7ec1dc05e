#include "frontends/tokenizer/reader/pretokenizer_reader.h"

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

// The error of a step as one of its field, `json`.
absl::Status InField(const absl::Status& status, const JsonValue& json) {
  return status.ok() ? status : json.Error(FromAbsl(status.message()));
}

absl::Status AddSplit(const JsonValue& json, Pretokenizer* result) {
  const absl::StatusOr<std::string_view> behavior = json.GetString("behavior");
  if (!behavior.ok()) return behavior.status();
  if (*behavior != "Isolated") {
    return json.Error(Concat("behavior ", QuoteForMessage(*behavior), " is not supported"));
  }
  const absl::StatusOr<JsonValue> pattern = json.Get("pattern");
  if (!pattern.ok()) return pattern.status();
  const absl::StatusOr<std::optional<JsonValue>> regex = pattern->GetOptional("Regex");
  if (!regex.ok()) return regex.status();
  const bool is_regex = regex->has_value();
  const absl::StatusOr<std::string_view> text = pattern->GetString(is_regex ? "Regex" : "String");
  if (!text.ok()) return text.status();
  return InField(result->AddSplit({is_regex, std::string(*text)}), *pattern);
}

absl::Status AddDigits(const JsonValue& json, Pretokenizer* result) {
  const absl::StatusOr<bool> individual = json.GetBool("individual_digits", false);
  if (!individual.ok()) return individual.status();
  return InField(result->AddSplit({true, *individual ? R"(\p{N})" : R"(\p{N}+)"}), json);
}

absl::Status SetByteLevel(const JsonValue& json, Pretokenizer* result) {
  const absl::StatusOr<bool> add_prefix_space = json.GetBool("add_prefix_space", true);
  if (!add_prefix_space.ok()) return add_prefix_space.status();
  const absl::StatusOr<bool> use_regex = json.GetBool("use_regex", true);
  if (!use_regex.ok()) return use_regex.status();
  return InField(result->SetByteLevel(*add_prefix_space, *use_regex), json);
}

// `*has_byte_level`: whether a ByteLevel part has come.
absl::Status AddStep(const JsonValue& json, bool* has_byte_level, Pretokenizer* result) {
  const absl::StatusOr<std::string_view> type = json.GetString("type");
  if (!type.ok()) return type.status();
  if (*has_byte_level) return json.Error(Concat(*type, " after ByteLevel is not supported"));
  if (*type == "Split") return AddSplit(json, result);
  if (*type == "Digits") return AddDigits(json, result);
  if (*type == "ByteLevel") {
    *has_byte_level = true;
    return SetByteLevel(json, result);
  }
  if (*type != "Sequence") {
    return json.Error(Concat("type ", QuoteForMessage(*type), " is not supported"));
  }
  const absl::StatusOr<JsonValue> parts = json.Get("pretokenizers");
  if (!parts.ok()) return parts.status();
  const absl::StatusOr<simdjson::dom::array> array = parts->Array();
  if (!array.ok()) return array.status();
  int index = 0;
  for (const simdjson::dom::element part : *array) {
    absl::Status status =
        AddStep(parts->Child(part, Concat("[", index++, "]")), has_byte_level, result);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Pretokenizer> ReadPretokenizer(const JsonValue& json) {
  Pretokenizer result;
  bool has_byte_level = false;
  absl::Status status = AddStep(json, &has_byte_level, &result);
  if (!status.ok()) return status;
  if (!has_byte_level) return json.Error("has no ByteLevel part: not a byte-level BPE");
  return result;
}

}  // namespace lluda::tokenizer
