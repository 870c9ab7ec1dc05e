#include "serve/api/field.h"

#include "absl/strings/str_cat.h"
#include "base/json/json.h"

namespace lluda::api {
namespace {

using simdjson::dom::element_type;

std::string RangeText(double min, double max, bool open_min) {
  return absl::StrCat(open_min ? "above " : "from ", min, open_min ? " to at most " : " to ", max);
}

}  // namespace

ApiError FieldError(const Field& field, absl::string_view code, absl::string_view reason) {
  return {400, std::string(code), field.path, absl::StrCat(field.path, ": ", reason)};
}

ApiError WrongType(const Field& field, absl::string_view what) {
  return FieldError(field, "invalid_type",
                    absl::StrCat("must be ", what, ", is ", base::DescribeJson(field.value)));
}

ApiError WrongValue(const Field& field, absl::string_view what) {
  std::string value = base::DescribeJson(field.value);
  if (field.value.is_string()) {
    const absl::string_view text = base::ToAbsl(field.value.get_string().value_unsafe());
    value = absl::StrCat("\"", base::QuoteName(text), "\"");
  }
  return FieldError(field, "invalid_value", absl::StrCat("must be ", what, ", is ", value));
}

Refusal ReadNumber(const Field& field, Bounds bounds, double* number) {
  const std::string what =
      absl::StrCat("a number ", RangeText(bounds.min, bounds.max, bounds.open_min));
  double value = 0;
  if (!field.value.is_number() || field.value.get_double().get(value)) {
    return WrongType(field, what);
  }
  // Whoever uses the number narrows it: what becomes the bound then is not above it.
  const bool is_low =
      bounds.open_min ? static_cast<float>(value) <= bounds.min : value < bounds.min;
  if (is_low || value > bounds.max) return WrongValue(field, what);
  *number = value;
  return std::nullopt;
}

Refusal ReadInt(const Field& field, IntBounds bounds, int64_t* number) {
  const std::string what =
      absl::StrCat("an integer of at least ", bounds.min, " and at most ", bounds.max);
  if (field.value.type() == element_type::UINT64) return WrongValue(field, what);
  int64_t value = 0;
  if (field.value.type() != element_type::INT64 || field.value.get_int64().get(value)) {
    return WrongType(field, what);
  }
  if (value < bounds.min || value > bounds.max) return WrongValue(field, what);
  *number = value;
  return std::nullopt;
}

Refusal ReadBool(const Field& field, bool* value) {
  if (field.value.get_bool().get(*value)) return WrongType(field, "true or false");
  return std::nullopt;
}

Refusal ReadString(const Field& field, SizeBounds bytes, std::string* text) {
  std::string_view value;
  if (field.value.get_string().get(value)) return WrongType(field, "a string");
  if (value.size() < bytes.min) return FieldError(field, "invalid_value", "is empty");
  if (value.size() > bytes.max) {
    return FieldError(field, "invalid_value",
                      absl::StrCat("has ", value.size(), " bytes, allowed are ", bytes.max));
  }
  text->assign(value);
  return std::nullopt;
}

Refusal ReadList(const Field& field, SizeBounds items, const TakeItem& take) {
  simdjson::dom::array list;
  if (field.value.get_array().get(list)) return WrongType(field, "a list");
  size_t count = 0;
  for (const simdjson::dom::element item : list) {
    if (count == items.max) {
      return FieldError(field, "invalid_value",
                        absl::StrCat("has more than the ", items.max, " items that are allowed"));
    }
    if (Refusal refusal = take({absl::StrCat(field.path, "[", count, "]"), item})) return refusal;
    ++count;
  }
  if (count < items.min) return FieldError(field, "invalid_value", "is empty");
  return std::nullopt;
}

Refusal ReadObject(const Field& field, const TakeMember& take) {
  simdjson::dom::object object;
  if (field.value.get_object().get(object)) return WrongType(field, "an object");
  return ReadMembers(field.path, object, take);
}

Refusal ReadMembers(const std::string& path, simdjson::dom::object object, const TakeMember& take) {
  for (const auto& [key, value] : object) {
    if (value.is_null()) continue;
    const absl::string_view name = base::ToAbsl(key);
    const Field member = {absl::StrCat(path, path.empty() ? "" : ".", base::QuoteName(name)),
                          value};
    if (Refusal refusal = take(name, member)) return refusal;
  }
  return std::nullopt;
}

}  // namespace lluda::api
