#include "base/json/json.h"

#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/files/mapped_file.h"
#include "base/status_macros.h"

namespace lluda::base {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

std::string DescribeRange(IntRange range) {
  const absl::string_view kind = range.min == 1   ? "a positive integer"
                                 : range.min == 0 ? "a non-negative integer"
                                                  : "an integer";
  std::string text(kind);
  const bool bounded = range.min != std::numeric_limits<int64_t>::min();
  if (bounded && range.min != 0 && range.min != 1)
    absl::StrAppend(&text, " of at least ", range.min);
  return text;
}

std::string DescribeRange(NumberRange range) {
  return absl::StrCat("a number ", range.open_min ? "above " : "of at least ", range.min,
                      " and at most ", range.max);
}

// The integer in `value`, or the end of an error message: "must be ..., is ...".
absl::StatusOr<int64_t> ReadInt(const element& value, IntRange range) {
  int64_t number = 0;
  const std::string must_be = absl::StrCat("must be ", DescribeRange(range));
  const bool too_large = value.type() == element_type::UINT64;  // does not fit int64_t
  if (!too_large) {
    if (value.type() != element_type::INT64 || value.get(number) || number < range.min) {
      return absl::InvalidArgumentError(absl::StrCat(must_be, ", is ", DescribeJson(value)));
    }
  }
  if (too_large || number > range.max) {
    return absl::InvalidArgumentError(
        absl::StrCat(must_be, " of at most ", range.max, ", is ", DescribeJson(value)));
  }
  return number;
}

// Refuses an object that names a key twice: readers disagree about which of the two counts. The
// recursion is no deeper than the parser allowed.
absl::Status CheckKeysUnique(const element& value, const std::string& path) {
  if (value.type() == element_type::ARRAY) {
    for (const element& item : simdjson::dom::array(value.get_array().value_unsafe())) {
      RETURN_IF_ERROR(CheckKeysUnique(item, path));
    }
  }
  if (value.type() != element_type::OBJECT) return absl::OkStatus();
  absl::flat_hash_set<absl::string_view> seen;
  for (const auto& field : simdjson::dom::object(value.get_object().value_unsafe())) {
    if (!seen.insert(ToAbsl(field.key)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("field '", path, QuoteName(ToAbsl(field.key)), "' appears twice"));
    }
    const bool nested = field.value.is_object() || field.value.is_array();
    if (!nested) continue;
    RETURN_IF_ERROR(
        CheckKeysUnique(field.value, absl::StrCat(path, QuoteName(ToAbsl(field.key)), ".")));
  }
  return absl::OkStatus();
}

}  // namespace

std::string DescribeJson(const element& value) {
  switch (value.type()) {
    case element_type::ARRAY:
      return "a list";
    case element_type::OBJECT:
      return "an object";
    case element_type::STRING:
      return "a string";
    case element_type::NULL_VALUE:
      return "null";
    case element_type::BOOL:
      return value.get_bool().value_unsafe() ? "true" : "false";
    case element_type::INT64:
      return absl::StrCat(value.get_int64().value_unsafe());
    case element_type::UINT64:
      return absl::StrCat(value.get_uint64().value_unsafe());
    case element_type::DOUBLE: {
      // 2.0 must not read as the integer that was asked for.
      std::string text = absl::StrCat(value.get_double().value_unsafe());
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
    }
  }
  return "a value of unknown type";
}

std::string QuoteName(absl::string_view name) {
  constexpr size_t kLongest = 200;
  if (name.size() <= kLongest) return absl::Utf8SafeCEscape(name);
  return absl::StrCat(absl::Utf8SafeCEscape(name.substr(0, kLongest)), "...");
}

bool JsonObject::Has(absl::string_view key) const {
  return object_.at_key(ToStd(key)).error() == simdjson::SUCCESS;
}

bool JsonObject::HasValue(absl::string_view key) const {
  element value;
  return object_.at_key(ToStd(key)).get(value) == simdjson::SUCCESS && !value.is_null();
}

absl::Status JsonObject::FieldError(absl::string_view key, absl::string_view reason) const {
  return absl::InvalidArgumentError(absl::StrCat(*label_, ": field '", prefix_, key, "' ", reason));
}

absl::StatusOr<element> JsonObject::Get(absl::string_view key) const {
  element value;
  if (object_.at_key(ToStd(key)).get(value)) return FieldError(key, "is missing");
  return value;
}

absl::StatusOr<int64_t> JsonObject::Int(absl::string_view key, IntRange range) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  absl::StatusOr<int64_t> number = ReadInt(value, range);
  if (!number.ok()) return FieldError(key, number.status().message());
  return number;
}

absl::StatusOr<double> JsonObject::Number(absl::string_view key, NumberRange range) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  double number = 0;
  const bool is_number = value.is_number() && value.get(number) == simdjson::SUCCESS;
  if (!is_number || number < range.min || number > range.max ||
      (range.open_min && number == range.min)) {
    return FieldError(key,
                      absl::StrCat("must be ", DescribeRange(range), ", is ", DescribeJson(value)));
  }
  return number;
}

absl::StatusOr<bool> JsonObject::Bool(absl::string_view key) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  bool flag = false;
  if (value.get(flag)) {
    return FieldError(key, absl::StrCat("must be true or false, is ", DescribeJson(value)));
  }
  return flag;
}

absl::StatusOr<std::string> JsonObject::String(absl::string_view key) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  std::string_view text;
  if (value.get(text)) {
    return FieldError(key, absl::StrCat("must be a string, is ", DescribeJson(value)));
  }
  return std::string(text);
}

absl::StatusOr<JsonObject> JsonObject::Object(absl::string_view key) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  simdjson::dom::object object;
  if (value.get(object)) {
    return FieldError(key, absl::StrCat("must be an object, is ", DescribeJson(value)));
  }
  return JsonObject(object, label_, absl::StrCat(prefix_, key, "."));
}

absl::StatusOr<std::vector<std::string>> JsonObject::Strings(absl::string_view key) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  simdjson::dom::array list;
  if (value.get(list)) {
    return FieldError(key, absl::StrCat("must be a list of strings, is ", DescribeJson(value)));
  }
  std::vector<std::string> texts;
  for (const element& item : list) {
    std::string_view text;
    if (item.get(text)) {
      return FieldError(absl::StrCat(key, "[", texts.size(), "]"),
                        absl::StrCat("must be a string, is ", DescribeJson(item)));
    }
    texts.emplace_back(text);
  }
  return texts;
}

absl::StatusOr<std::vector<int64_t>> JsonObject::IntOrInts(absl::string_view key,
                                                           IntRange range) const {
  ASSIGN_OR_RETURN(element value, Get(key));
  simdjson::dom::array list;
  if (value.get(list)) {
    ASSIGN_OR_RETURN(int64_t number, Int(key, range));
    return std::vector<int64_t>{number};
  }
  std::vector<int64_t> numbers;
  for (const element& item : list) {
    absl::StatusOr<int64_t> number = ReadInt(item, range);
    if (!number.ok()) {
      return FieldError(absl::StrCat(key, "[", numbers.size(), "]"), number.status().message());
    }
    numbers.push_back(*number);
  }
  return numbers;
}

absl::StatusOr<JsonDocument> JsonDocument::Parse(std::string label, absl::string_view text) {
  auto state = std::make_unique<State>();
  state->label = std::move(label);
  const auto error = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(state->label, ": ", reason));
  };
  if (text.empty()) return error("is empty, not JSON");
  if (simdjson::error_code code = state->parser.allocate(text.size(), kMaxJsonDepth)) {
    return error(absl::StrCat("cannot be parsed as JSON: ", simdjson::error_message(code)));
  }
  element root;
  if (simdjson::error_code code = state->parser.parse(text.data(), text.size()).get(root)) {
    return error(absl::StrCat("is not valid JSON: ", simdjson::error_message(code)));
  }
  if (root.get(state->root)) {
    return error(absl::StrCat("must be a JSON object, is ", DescribeJson(root)));
  }
  if (absl::Status status = CheckKeysUnique(root, ""); !status.ok()) return error(status.message());
  return JsonDocument(std::move(state));
}

absl::StatusOr<JsonDocument> JsonDocument::Load(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  return Parse(path, file.text());
}

}  // namespace lluda::base
