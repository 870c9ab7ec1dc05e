#include "base/json/json_value.h"

#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/quote.h"
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

// With as many digits as tell it from all others.
std::string ShortestText(double number) {
  std::string text;
  double read = 0;
  for (int digits = 6; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
    text = absl::StrFormat("%.*g", digits, number);
    if (absl::SimpleAtod(text, &read) && read == number) break;
  }
  return text;
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
      // 2.0 must not read as the integer that was asked for, nor 2.00000001 as 2.
      std::string text = ShortestText(value.get_double().value_unsafe());
      if (text.find_first_of(".e") == std::string::npos) text += ".0";
      return text;
    }
  }
  return "a value of unknown type";
}

absl::StatusOr<JsonValue> JsonValue::Get(std::string_view key) const {
  ASSIGN_OR_RETURN(std::optional<JsonValue> value, GetOptional(key));
  if (!value.has_value()) return Member(element_, key).Error("is missing");
  return *std::move(value);
}

absl::StatusOr<std::optional<JsonValue>> JsonValue::GetOptional(std::string_view key) const {
  ASSIGN_OR_RETURN(const simdjson::dom::object object, Object());
  element member;
  if (object.at_key(key).get(member) != simdjson::SUCCESS || member.is_null()) {
    return std::nullopt;
  }
  return Member(member, key);
}

absl::StatusOr<std::string_view> JsonValue::GetString(std::string_view key) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.String();
}

absl::StatusOr<bool> JsonValue::GetBool(std::string_view key, bool if_absent) const {
  ASSIGN_OR_RETURN(const std::optional<JsonValue> value, GetOptional(key));
  return value.has_value() ? value->Bool() : if_absent;
}

absl::StatusOr<int64_t> JsonValue::Int(IntRange range) const {
  int64_t number = 0;
  const bool too_large = element_.type() == element_type::UINT64;  // does not fit int64_t
  if (!too_large) {
    if (element_.type() != element_type::INT64 || element_.get(number) || number < range.min) {
      return MustBe(DescribeRange(range));
    }
  }
  if (too_large || number > range.max) {
    return MustBe(absl::StrCat(DescribeRange(range), " of at most ", range.max));
  }
  return number;
}

absl::StatusOr<double> JsonValue::Number(NumberRange range) const {
  double number = 0;
  const bool is_number = element_.is_number() && element_.get(number) == simdjson::SUCCESS;
  if (!is_number || number < range.min || number > range.max ||
      (range.open_min && number == range.min)) {
    return MustBe(DescribeRange(range));
  }
  return number;
}

absl::StatusOr<std::string_view> JsonValue::String() const {
  std::string_view value;
  if (element_.get(value) != simdjson::SUCCESS) return MustBe("a string");
  return value;
}

absl::StatusOr<bool> JsonValue::Bool() const {
  bool value;
  if (element_.get(value) != simdjson::SUCCESS) return MustBe("true or false");
  return value;
}

absl::StatusOr<simdjson::dom::array> JsonValue::Array() const {
  simdjson::dom::array value;
  if (element_.get(value) != simdjson::SUCCESS) return MustBe("a list");
  return value;
}

absl::StatusOr<simdjson::dom::object> JsonValue::Object() const {
  simdjson::dom::object value;
  if (element_.get(value) != simdjson::SUCCESS) {
    return MustBe(field_.empty() ? "a JSON object" : "an object");
  }
  return value;
}

absl::StatusOr<std::vector<std::string>> JsonValue::Strings() const {
  simdjson::dom::array list;
  if (element_.get(list)) return MustBe("a list of strings");
  std::vector<std::string> texts;
  for (const element& item : list) {
    ASSIGN_OR_RETURN(const std::string_view text, Item(item, texts.size()).String());
    texts.emplace_back(text);
  }
  return texts;
}

absl::StatusOr<std::vector<int64_t>> JsonValue::IntOrInts(IntRange range) const {
  simdjson::dom::array list;
  if (element_.get(list)) {
    ASSIGN_OR_RETURN(const int64_t number, Int(range));
    return std::vector<int64_t>{number};
  }
  std::vector<int64_t> numbers;
  for (const element& item : list) {
    ASSIGN_OR_RETURN(const int64_t number, Item(item, numbers.size()).Int(range));
    numbers.push_back(number);
  }
  return numbers;
}

JsonValue JsonValue::Member(element element, std::string_view key) const {
  return {element, file_, absl::StrCat(field_, field_.empty() ? "" : ".", ToAbsl(key))};
}

JsonValue JsonValue::Item(element element, size_t index) const {
  return {element, file_, absl::StrCat(field_, "[", index, "]")};
}

JsonValue JsonValue::Entry(element element, std::string_view key) const {
  return {element, file_, absl::StrCat(field_, "[", QuoteForMessage(key), "]")};
}

absl::Status JsonValue::Error(absl::string_view reason) const { return ErrorAfter(" ", reason); }

absl::Status JsonValue::ErrorIn(absl::string_view reason) const { return ErrorAfter(": ", reason); }

absl::Status JsonValue::ErrorAfter(absl::string_view separator, absl::string_view reason) const {
  if (field_.empty()) return absl::InvalidArgumentError(absl::StrCat(*file_, ": ", reason));
  return absl::InvalidArgumentError(
      absl::StrCat(*file_, ": field '", field_, "'", separator, reason));
}

absl::Status JsonValue::MustBe(absl::string_view wanted) const {
  return Error(absl::StrCat("must be ", wanted, ", is ", DescribeJson(element_)));
}

}  // namespace lluda::base
