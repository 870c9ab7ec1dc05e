#include "frontends/tokenizer/pretokenizer.h"

#include <optional>
#include <string>
#include <utility>

#include "frontends/tokenizer/strings.h"

namespace lluda::tokenizer {
namespace {

// What ByteLevel splits by when use_regex is true (encoder.py of OpenAI's GPT-2).
constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Adds the compiled expression to `patterns`; `json` is the field it is from.
absl::Status AddPattern(absl::StatusOr<SplitPattern> pattern, const JsonValue& json,
                        std::vector<SplitPattern>* patterns) {
  if (!pattern.ok()) return json.Error(FromAbsl(pattern.status().message()));
  patterns->push_back(*std::move(pattern));
  return absl::OkStatus();
}

void Apply(const std::vector<SplitPattern>& patterns, std::string_view text,
           std::vector<std::string_view>* pieces, int64_t* steps) {
  pieces->assign(1, text);
  std::vector<std::string_view> next;
  for (const SplitPattern& pattern : patterns) {
    next.clear();
    for (const std::string_view piece : *pieces) pattern.Split(piece, &next, steps);
    pieces->swap(next);
  }
}

}  // namespace

absl::StatusOr<Pretokenizer> Pretokenizer::FromJson(const JsonValue& json) {
  Pretokenizer result;
  absl::Status status = result.AddStep(json);
  if (!status.ok()) return status;
  if (!result.has_byte_level_) return json.Error("has no ByteLevel part: not a byte-level BPE");
  return result;
}

absl::Status Pretokenizer::AddStep(const JsonValue& json) {
  const absl::StatusOr<std::string_view> type = json.GetString("type");
  if (!type.ok()) return type.status();
  if (has_byte_level_) {
    return json.Error(Concat(*type, " after ByteLevel is not supported"));
  }
  if (*type == "Split") return AddSplit(json);
  if (*type == "Digits") return AddDigits(json);
  if (*type == "ByteLevel") return SetByteLevel(json);
  if (*type != "Sequence") {
    return json.Error(Concat("type ", QuoteForMessage(*type), " is not supported"));
  }
  const absl::StatusOr<JsonValue> parts = json.Get("pretokenizers");
  if (!parts.ok()) return parts.status();
  const absl::StatusOr<simdjson::dom::array> array = parts->Array();
  if (!array.ok()) return array.status();
  int index = 0;
  for (const simdjson::dom::element part : *array) {
    absl::Status status = AddStep(parts->Child(part, Concat("[", index++, "]")));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Pretokenizer::AddSplit(const JsonValue& json) {
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
  return AddPattern(is_regex ? SplitPattern::Compile(*text) : SplitPattern::Literal(*text),
                    *pattern, &patterns_);
}

absl::Status Pretokenizer::AddDigits(const JsonValue& json) {
  const absl::StatusOr<bool> individual = json.GetBool("individual_digits", false);
  if (!individual.ok()) return individual.status();
  return AddPattern(SplitPattern::Compile(*individual ? R"(\p{N})" : R"(\p{N}+)"), json,
                    &patterns_);
}

absl::Status Pretokenizer::SetByteLevel(const JsonValue& json) {
  has_byte_level_ = true;
  const absl::StatusOr<bool> add_prefix_space = json.GetBool("add_prefix_space", true);
  if (!add_prefix_space.ok()) return add_prefix_space.status();
  add_prefix_space_ = *add_prefix_space;
  const absl::StatusOr<bool> use_regex = json.GetBool("use_regex", true);
  if (!use_regex.ok()) return use_regex.status();
  if (!*use_regex) return absl::OkStatus();
  return AddPattern(SplitPattern::Compile(kGpt2Regex), json, &byte_level_pattern_);
}

void Pretokenizer::Split(std::string_view text, absl::FunctionRef<void(std::string_view)> piece,
                         int64_t* steps) const {
  if (text.empty()) return;
  std::vector<std::string_view> pieces;
  std::vector<std::string_view> final_pieces;
  std::string prefixed;
  Apply(patterns_, text, &pieces, steps);
  for (std::string_view part : pieces) {
    if (add_prefix_space_ && part[0] != ' ') {
      prefixed = Concat(" ", part);
      part = prefixed;
    }
    if (byte_level_pattern_.empty()) {
      piece(part);
      continue;
    }
    Apply(byte_level_pattern_, part, &final_pieces, steps);
    for (const std::string_view final_piece : final_pieces) piece(final_piece);
  }
}

}  // namespace lluda::tokenizer
