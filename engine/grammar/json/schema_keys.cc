#include "engine/grammar/json/schema_keys.h"

#include <cmath>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/json/json.h"
#include "base/status_macros.h"
#include "engine/grammar/json/keywords.h"

namespace lluda::grammar {
namespace {

using simdjson::dom::element;

bool IsSchema(const element& value) { return value.is_object() || value.is_bool(); }

bool IsText(const element& value) { return value.is_string(); }

bool IsNumber(const element& value) { return value.is_number(); }

bool IsCount(const element& value) { return CountOf(value).has_value(); }

bool IsList(const element& value, bool may_be_empty, bool (*is_item)(const element&)) {
  simdjson::dom::array list;
  if (value.get(list)) return false;
  if (!may_be_empty && list.size() == 0) return false;
  for (const element& item : list) {
    if (!is_item(item)) return false;
  }
  return true;
}

bool IsSchemaList(const element& value) { return IsList(value, false, IsSchema); }

bool IsTextList(const element& value) { return IsList(value, true, IsText); }

bool IsAnyList(const element& value) {
  return IsList(value, false, [](const element&) { return true; });
}

bool IsSchemaMap(const element& value) {
  simdjson::dom::object map;
  if (value.get(map)) return false;
  absl::flat_hash_set<absl::string_view> seen;
  for (const auto& field : map) {
    if (!IsSchema(field.value) || !seen.insert(base::ToAbsl(field.key)).second) return false;
  }
  return true;
}

bool IsTypeName(const element& value) {
  std::string_view name;
  return !value.get(name) && TypesNamed(base::ToAbsl(name)).has_value();
}

bool IsTypes(const element& value) { return IsTypeName(value) || IsList(value, false, IsTypeName); }

struct Form {
  absl::string_view key;
  bool (*is_right)(const element&);
  absl::string_view must_be;
};

constexpr absl::string_view kSchemaForm = "a schema: an object, true or false";
constexpr absl::string_view kSchemaListForm = "a list of schemas that is not empty";
constexpr absl::string_view kSchemaMapForm = "an object of schemas, no key twice";

constexpr Form kForms[] = {
    {"type", IsTypes, "one of JSON's types or a list of them"},
    {"enum", IsAnyList, "a list that is not empty"},
    {"pattern", IsText, "a string"},
    {"format", IsText, "a string"},
    {"minLength", IsCount, "a count"},
    {"maxLength", IsCount, "a count"},
    {"minItems", IsCount, "a count"},
    {"maxItems", IsCount, "a count"},
    {"minimum", IsNumber, "a number"},
    {"maximum", IsNumber, "a number"},
    {"exclusiveMinimum", IsNumber, "a number"},
    {"exclusiveMaximum", IsNumber, "a number"},
    {"items", IsSchema, kSchemaForm},
    {"additionalProperties", IsSchema, kSchemaForm},
    {"prefixItems", IsSchemaList, kSchemaListForm},
    {"anyOf", IsSchemaList, kSchemaListForm},
    {"oneOf", IsSchemaList, kSchemaListForm},
    {"allOf", IsSchemaList, kSchemaListForm},
    {"properties", IsSchemaMap, kSchemaMapForm},
    {"$defs", IsSchemaMap, kSchemaMapForm},
    {"required", IsTextList, "a list of strings"},
    {"$ref", IsText, "a string"},
};

}  // namespace

std::optional<int64_t> CountOf(const element& value) {
  // Beyond this no count is met: it is a limit like any other.
  constexpr double kMost = 1e15;
  double number = 0;
  if (value.get(number) || number < 0 || std::floor(number) != number) return std::nullopt;
  return static_cast<int64_t>(number < kMost ? number : kMost);
}

absl::Status CheckSchemaKeys(const SchemaPlace& place) {
  const auto error = [&place](absl::StatusCode code, absl::string_view message) {
    return SchemaError(code, place.pointer, message);
  };
  absl::flat_hash_set<absl::string_view> seen;
  for (const auto& field : simdjson::dom::object(place.schema.get_object().value_unsafe())) {
    const absl::string_view key = base::ToAbsl(field.key);
    const std::string name = absl::StrCat("'", base::QuoteName(key), "' ");
    if (!seen.insert(key).second) {
      return error(absl::StatusCode::kInvalidArgument, name + "appears twice");
    }
    const std::optional<KeywordKind> kind = FindKeyword(key);
    if (!kind.has_value()) {
      return error(absl::StatusCode::kInvalidArgument, name + "is no key of JSON Schema");
    }
    if (*kind == KeywordKind::kUnsupported) {
      return error(absl::StatusCode::kUnimplemented, name + "is not supported");
    }
    for (const Form& form : kForms) {
      if (form.key != key || form.is_right(field.value)) continue;
      std::string_view text;
      const bool is_text = field.value.get(text) == simdjson::SUCCESS;
      const std::string is =
          is_text ? base::QuoteForMessage(text) : base::DescribeJson(field.value);
      return error(absl::StatusCode::kInvalidArgument,
                   absl::StrCat(name, "must be ", form.must_be, ", is ", is));
    }
  }
  return absl::OkStatus();
}

}  // namespace lluda::grammar
