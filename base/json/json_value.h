// A JSON value that knows its file and its field, so that whatever is wrong with it ends in one line
// that names both. A thin layer over simdjson's DOM.
//
//   JsonValue root(document, "/models/a/tokenizer.json");
//   ASSIGN_OR_RETURN(JsonValue model, root.Get("model"));
//   model.GetString("type");   // if it is 3, InvalidArgument: /models/a/tokenizer.json: field
//                              // 'model.type' must be a string, is 3
#ifndef LLUDA_BASE_JSON_JSON_VALUE_H_
#define LLUDA_BASE_JSON_JSON_VALUE_H_

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/quote.h"  // IWYU pragma: export

namespace lluda::base {

// simdjson speaks std::string_view, Abseil as Debian builds it a type of its own.
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

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

// Views of text are valid as long as the simdjson parser that owns the document is. Copying is
// cheap. The getters refuse another type, null among them, and what is out of range: all are
// InvalidArgument.
class JsonValue {
 public:
  // A whole document; `file` is how errors call it.
  JsonValue(simdjson::dom::element element, std::string file)
      : element_(element), file_(std::make_shared<const std::string>(std::move(file))) {}

  // The member `key` of this object; an error if it is absent or null.
  absl::StatusOr<JsonValue> Get(std::string_view key) const;
  // The same, or nothing if it is absent or null.
  absl::StatusOr<std::optional<JsonValue>> GetOptional(std::string_view key) const;
  absl::StatusOr<std::string_view> GetString(std::string_view key) const;
  absl::StatusOr<bool> GetBool(std::string_view key, bool if_absent) const;

  absl::StatusOr<int64_t> Int(IntRange range) const;
  absl::StatusOr<double> Number(NumberRange range) const;
  absl::StatusOr<std::string_view> String() const;
  absl::StatusOr<bool> Bool() const;
  absl::StatusOr<simdjson::dom::array> Array() const;
  absl::StatusOr<simdjson::dom::object> Object() const;
  // A list of strings.
  absl::StatusOr<std::vector<std::string>> Strings() const;
  // A list of integers, or one integer alone, as eos_token_id is written.
  absl::StatusOr<std::vector<int64_t>> IntOrInts(IntRange range) const;

  // A value inside this one: a member, an item of a list, the member of a map by its quoted key.
  JsonValue Member(simdjson::dom::element element, std::string_view key) const;
  JsonValue Item(simdjson::dom::element element, size_t index) const;
  JsonValue Entry(simdjson::dom::element element, std::string_view key) const;

  // "<file>: field '<field>' <reason>" for a reason such as "is empty"; of a whole document "<file>:
  // <reason>".
  absl::Status Error(absl::string_view reason) const;
  // "<file>: field '<field>': <reason>" for a reason with a subject of its own.
  absl::Status ErrorIn(absl::string_view reason) const;

  simdjson::dom::element dom() const { return element_; }
  const std::string& file() const { return *file_; }
  const std::string& field() const { return field_; }

 private:
  JsonValue(simdjson::dom::element element, std::shared_ptr<const std::string> file,
            std::string field)
      : element_(element), file_(std::move(file)), field_(std::move(field)) {}
  absl::Status MustBe(absl::string_view wanted) const;
  absl::Status ErrorAfter(absl::string_view separator, absl::string_view reason) const;

  simdjson::dom::element element_;
  std::shared_ptr<const std::string> file_;
  std::string field_;  // "model.merges[3]"; empty of a whole document
};

// What a value is, for the end of "must be ..., is ...": "a string", "null", "-3", "1.5", "a list".
std::string DescribeJson(const simdjson::dom::element& value);

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_VALUE_H_
