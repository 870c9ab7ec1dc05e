// Reads a small JSON file whose fields are known, and says exactly what is wrong with one that is
// not as expected. A thin layer over simdjson's DOM.
//
// A document is an object, valid UTF-8, nested at most kMaxJsonDepth deep, and no object in it
// names a key twice. Integers beyond 64 bits are doubles. Every error is one line that names file,
// field and reason:
//
//   config.json: field 'hidden_size' must be a positive integer, is a string
//   config.json: field 'rope_parameters.rope_theta' is missing
//
// Example:
//   absl::StatusOr<JsonDocument> document = JsonDocument::Load("config.json");
//   if (!document.ok()) return document.status();
//   absl::StatusOr<int64_t> size = document->root().Int("hidden_size", {1, 1 << 20});
#ifndef LLUDA_BASE_JSON_JSON_H_
#define LLUDA_BASE_JSON_JSON_H_

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json/json_value.h"  // IWYU pragma: export

namespace lluda::base {

inline constexpr size_t kMaxJsonDepth = 64;

// An object inside a JsonDocument; valid as long as the document is. Copying it is cheap.
//
// Has() is true for null too, which HasValue() is not: Hugging Face writes null for "not set". The
// getters require the field: absent, null, of another type and out of range are InvalidArgument.
class JsonObject {
 public:
  bool Has(absl::string_view key) const;
  bool HasValue(absl::string_view key) const;

  absl::StatusOr<int64_t> Int(absl::string_view key, IntRange range) const;
  absl::StatusOr<double> Number(absl::string_view key, NumberRange range) const;
  absl::StatusOr<bool> Bool(absl::string_view key) const;
  absl::StatusOr<std::string> String(absl::string_view key) const;
  absl::StatusOr<JsonObject> Object(absl::string_view key) const;
  // A list of strings.
  absl::StatusOr<std::vector<std::string>> Strings(absl::string_view key) const;
  // A list of integers, or one integer alone, as eos_token_id is written.
  absl::StatusOr<std::vector<int64_t>> IntOrInts(absl::string_view key, IntRange range) const;

  // "<file>: field '<key>' <reason>", for a value of the right type that the caller refuses.
  absl::Status FieldError(absl::string_view key, absl::string_view reason) const;

  simdjson::dom::object dom() const { return object_; }

 private:
  friend class JsonDocument;
  JsonObject(JsonValue value, simdjson::dom::object object)
      : value_(std::move(value)), object_(object) {}

  absl::StatusOr<JsonValue> Get(absl::string_view key) const;

  JsonValue value_;
  simdjson::dom::object object_;  // which the value is
};

// A parsed document; owns the values that its objects refer to. Moving it keeps them valid.
class JsonDocument {
 public:
  // `label` is how errors call the document, normally the file's path.
  static absl::StatusOr<JsonDocument> Parse(std::string label, absl::string_view text);
  // NotFound if there is no such file.
  static absl::StatusOr<JsonDocument> Load(const std::string& path);

  const JsonObject& root() const { return root_; }

 private:
  JsonDocument(std::unique_ptr<simdjson::dom::parser> parser, JsonObject root)
      : parser_(std::move(parser)), root_(std::move(root)) {}

  std::unique_ptr<simdjson::dom::parser> parser_;  // owns what root_ points to
  JsonObject root_;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_H_
