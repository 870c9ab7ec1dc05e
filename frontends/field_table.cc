#include "frontends/field_table.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lluda::frontends {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// What a field asks for that no row speaks of, if anything.
constexpr absl::string_view kNothing = "false [] {}";

bool Matches(const element& value, absl::string_view word) {
  switch (value.type()) {
    case element_type::BOOL:
      return word == base::DescribeJson(value);
    case element_type::STRING:
      return word == base::ToAbsl(value.get_string().value_unsafe());
    case element_type::ARRAY:
      return word == "[]" && value.get_array().value_unsafe().size() == 0;
    case element_type::OBJECT:
      return word == "{}" && value.get_object().value_unsafe().size() == 0;
    case element_type::INT64:
    case element_type::UINT64:
    case element_type::DOUBLE: {
      double wanted = 0;
      return absl::SimpleAtod(word, &wanted) && value.get_double().value_unsafe() == wanted;
    }
    case element_type::NULL_VALUE:
      break;
  }
  return false;
}

std::string AsksFor(const element& value, absl::string_view asks_for) {
  std::string_view text;
  if (!value.get(text)) return absl::StrCat("'", base::QuoteName(base::ToAbsl(text)), "'");
  const bool nested = value.is_array() || value.is_object();
  return nested && !asks_for.empty() ? std::string(asks_for) : base::DescribeJson(value);
}

}  // namespace

bool AsksForNothing(const element& value, absl::string_view neutral) {
  if (value.is_null()) return true;
  const std::vector<absl::string_view> words = absl::StrSplit(neutral, ' ', absl::SkipEmpty());
  return std::any_of(words.begin(), words.end(),
                     [&](absl::string_view word) { return Matches(value, word); });
}

std::vector<RefusedField> RefusedFields(
    const base::JsonObject& object, absl::Span<const FieldRow> table,
    const std::function<bool(absl::string_view key)>& refuses_unknown) {
  std::vector<RefusedField> refused;
  for (const FieldRow& row : table) {
    element value;
    if (row.use != FieldUse::kRefused || object.dom().at_key(row.key).get(value)) continue;
    if (AsksForNothing(value, row.neutral)) continue;
    refused.push_back({row.key, AsksFor(value, row.asks_for)});
  }
  for (const auto& field : object.dom()) {
    const absl::string_view key = base::ToAbsl(field.key);
    const bool known = std::any_of(table.begin(), table.end(),
                                   [&](const FieldRow& row) { return key == row.key; });
    if (known || !refuses_unknown(key) || AsksForNothing(field.value, kNothing)) continue;
    refused.push_back({base::QuoteName(key), AsksFor(field.value, "")});
  }
  return refused;
}

absl::Status CheckFields(const base::JsonObject& object, absl::Span<const FieldRow> table,
                         const std::function<bool(absl::string_view key)>& refuses_unknown) {
  const std::vector<RefusedField> refused = RefusedFields(object, table, refuses_unknown);
  if (refused.empty()) return absl::OkStatus();
  return UnsupportedField(object, refused[0].key, refused[0].asks_for);
}

absl::Status UnsupportedField(const base::JsonObject& object, absl::string_view key,
                              absl::string_view what) {
  return absl::UnimplementedError(
      object.FieldError(key, absl::StrCat("asks for ", what, ", which is not supported"))
          .message());
}

}  // namespace lluda::frontends
