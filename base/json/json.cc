#include "base/json/json.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/files/mapped_file.h"
#include "base/json/parse_json.h"
#include "base/status_macros.h"

namespace lluda::base {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

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

bool JsonObject::Has(absl::string_view key) const {
  return object_.at_key(ToStd(key)).error() == simdjson::SUCCESS;
}

bool JsonObject::HasValue(absl::string_view key) const {
  element value;
  return object_.at_key(ToStd(key)).get(value) == simdjson::SUCCESS && !value.is_null();
}

absl::Status JsonObject::FieldError(absl::string_view key, absl::string_view reason) const {
  return value_.Member(value_.dom(), ToStd(key)).Error(reason);
}

absl::StatusOr<JsonValue> JsonObject::Get(absl::string_view key) const {
  element value;
  if (object_.at_key(ToStd(key)).get(value)) return FieldError(key, "is missing");
  return value_.Member(value, ToStd(key));
}

absl::StatusOr<int64_t> JsonObject::Int(absl::string_view key, IntRange range) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.Int(range);
}

absl::StatusOr<double> JsonObject::Number(absl::string_view key, NumberRange range) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.Number(range);
}

absl::StatusOr<bool> JsonObject::Bool(absl::string_view key) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.Bool();
}

absl::StatusOr<std::string> JsonObject::String(absl::string_view key) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  ASSIGN_OR_RETURN(const std::string_view text, value.String());
  return std::string(text);
}

absl::StatusOr<JsonObject> JsonObject::Object(absl::string_view key) const {
  ASSIGN_OR_RETURN(JsonValue value, Get(key));
  ASSIGN_OR_RETURN(const simdjson::dom::object object, value.Object());
  return JsonObject(std::move(value), object);
}

absl::StatusOr<std::vector<std::string>> JsonObject::Strings(absl::string_view key) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.Strings();
}

absl::StatusOr<std::vector<int64_t>> JsonObject::IntOrInts(absl::string_view key,
                                                           IntRange range) const {
  ASSIGN_OR_RETURN(const JsonValue value, Get(key));
  return value.IntOrInts(range);
}

absl::StatusOr<JsonDocument> JsonDocument::Parse(std::string label, absl::string_view text) {
  const auto error = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": ", reason));
  };
  if (text.empty()) return error("is empty, not JSON");
  auto parser = std::make_unique<simdjson::dom::parser>();
  element root;
  if (simdjson::error_code code = ParseJson(ToStd(text), kMaxJsonDepth, parser.get(), &root)) {
    return error(absl::StrCat("is not valid JSON: ", WhyInvalid(ToStd(text), code)));
  }
  JsonValue value(root, label);
  ASSIGN_OR_RETURN(const simdjson::dom::object object, value.Object());
  if (absl::Status status = CheckKeysUnique(root, ""); !status.ok()) return error(status.message());
  return JsonDocument(std::move(parser), JsonObject(std::move(value), object));
}

absl::StatusOr<JsonDocument> JsonDocument::Load(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  return Parse(path, file.text());
}

}  // namespace lluda::base
