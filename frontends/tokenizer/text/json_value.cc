#include "frontends/tokenizer/text/json_value.h"

#include <absl/strings/escaping.h>

#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::tokenizer {
namespace {

std::string_view TypeName(simdjson::dom::element_type type) {
  switch (type) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return "a number";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a boolean";
    case simdjson::dom::element_type::NULL_VALUE:
      return "null";
  }
  return "unknown";
}

}  // namespace

absl::StatusOr<JsonValue> JsonValue::Get(std::string_view key) const {
  ASSIGN_OR_RETURN(std::optional<JsonValue> value, GetOptional(key));
  if (!value.has_value()) return Child(element_, Concat(".", key)).Error("is missing");
  return *std::move(value);
}

absl::StatusOr<std::optional<JsonValue>> JsonValue::GetOptional(std::string_view key) const {
  ASSIGN_OR_RETURN(const simdjson::dom::object object, Object());
  simdjson::dom::element member;
  if (object.at_key(key).get(member) != simdjson::SUCCESS || member.is_null()) {
    return std::nullopt;
  }
  return Child(member, Concat(".", key));
}

absl::StatusOr<std::string_view> JsonValue::GetString(std::string_view key) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.String();
}

absl::StatusOr<bool> JsonValue::GetBool(std::string_view key, bool if_absent) const {
  ASSIGN_OR_RETURN(const std::optional<JsonValue> value, GetOptional(key));
  return value.has_value() ? value->Bool() : if_absent;
}

absl::StatusOr<std::string_view> JsonValue::String() const {
  std::string_view value;
  if (element_.get(value) != simdjson::SUCCESS) return WrongType("a string");
  return value;
}

absl::StatusOr<bool> JsonValue::Bool() const {
  bool value;
  if (element_.get(value) != simdjson::SUCCESS) return WrongType("a boolean");
  return value;
}

absl::StatusOr<int32_t> JsonValue::Id() const {
  absl::StatusOr<int32_t> id = ReadId(element_);
  if (!id.ok()) return Error(FromAbsl(id.status().message()));
  return id;
}

absl::StatusOr<simdjson::dom::array> JsonValue::Array() const {
  simdjson::dom::array value;
  if (element_.get(value) != simdjson::SUCCESS) return WrongType("an array");
  return value;
}

absl::StatusOr<simdjson::dom::object> JsonValue::Object() const {
  simdjson::dom::object value;
  if (element_.get(value) != simdjson::SUCCESS) return WrongType("an object");
  return value;
}

JsonValue JsonValue::Child(simdjson::dom::element element, std::string_view step) const {
  JsonValue child(element, file_);
  child.field_ = Concat(field_, step);
  if (field_.empty() && child.field_[0] == '.') child.field_.erase(0, 1);
  return child;
}

absl::Status JsonValue::Error(std::string_view reason) const {
  const std::string_view field = field_.empty() ? "the document" : std::string_view(field_);
  return absl::InvalidArgumentError(Concat(file_, ": ", field, ": ", reason));
}

absl::Status JsonValue::WrongType(std::string_view wanted) const {
  return Error(Concat("is ", TypeName(element_.type()), ", not ", wanted));
}

absl::StatusOr<int32_t> ReadId(simdjson::dom::element element) {
  uint64_t value;
  if (element.get(value) != simdjson::SUCCESS || value > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("is not an integer from 0 to 2147483647");
  }
  return static_cast<int32_t>(value);
}

}  // namespace lluda::tokenizer
