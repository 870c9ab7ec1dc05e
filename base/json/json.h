// Reads a small JSON file whose fields are known, and says exactly what is wrong with one that is
// not as expected. A thin layer over simdjson's DOM.
//
// A document is an object, valid UTF-8, nested at most kMaxJsonDepth deep, and no object in it
// names a key twice. Every error is one line that names file, field and reason:
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

namespace lluda::base {

inline constexpr size_t kMaxJsonDepth = 64;

struct IntRange {
  int64_t min;
  int64_t max;
};

// Which numbers a field may hold; `open` ends are excluded.
struct NumberRange {
  double min;
  double max;
  bool open_min = false;
};

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
  JsonObject(simdjson::dom::object object, const std::string* label, std::string prefix)
      : object_(object), label_(label), prefix_(std::move(prefix)) {}

  absl::StatusOr<simdjson::dom::element> Get(absl::string_view key) const;

  simdjson::dom::object object_;
  const std::string* label_;
  std::string prefix_;  // "rope_parameters." inside that object, empty in the root
};

// A parsed document; owns the values that its objects refer to. Moving it keeps them valid.
class JsonDocument {
 public:
  // `label` is how errors call the document, normally the file's path.
  static absl::StatusOr<JsonDocument> Parse(std::string label, absl::string_view text);
  // NotFound if there is no such file.
  static absl::StatusOr<JsonDocument> Load(const std::string& path);

  JsonObject root() const { return JsonObject(state_->root, &state_->label, ""); }

 private:
  struct State {
    std::string label;
    simdjson::dom::parser parser;
    simdjson::dom::object root;
  };
  explicit JsonDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}

  std::unique_ptr<State> state_;
};

// simdjson speaks std::string_view, Abseil as Debian builds it a type of its own.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// What a value is, for the end of "must be ..., is ...": "a string", "null", "-3", "1.5", "a list".
std::string DescribeJson(const simdjson::dom::element& value);

// A name out of a file, fit for one line of an error: escaped, and cut if it is very long.
std::string QuoteName(absl::string_view name);

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_H_
