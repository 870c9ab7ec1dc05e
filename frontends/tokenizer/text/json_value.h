// A JSON value that knows its file and its field, so that every wrong type ends in one line that
// names both.
//
//   JsonValue root(document, "/models/a/tokenizer.json");
//   auto model = root.Get("model");
//   auto type = model->GetString("type");
//   // -> InvalidArgument: /models/a/tokenizer.json: model.type: is a number, not a string
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_JSON_VALUE_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_JSON_VALUE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "frontends/tokenizer/text/quote.h"  // IWYU pragma: export

namespace lluda::tokenizer {

// Views into the document die with the simdjson parser that owns it.
class JsonValue {
 public:
  JsonValue(simdjson::dom::element element, std::string file)
      : element_(element), file_(std::move(file)) {}

  // The member `key` of this object; an error if it is absent or null.
  absl::StatusOr<JsonValue> Get(std::string_view key) const;
  // The same, or nothing if it is absent or null.
  absl::StatusOr<std::optional<JsonValue>> GetOptional(std::string_view key) const;
  absl::StatusOr<std::string_view> GetString(std::string_view key) const;
  absl::StatusOr<bool> GetBool(std::string_view key, bool if_absent) const;

  absl::StatusOr<std::string_view> String() const;
  absl::StatusOr<bool> Bool() const;
  // As ReadId().
  absl::StatusOr<int32_t> Id() const;
  absl::StatusOr<simdjson::dom::array> Array() const;
  absl::StatusOr<simdjson::dom::object> Object() const;

  // A value inside this one, named `step`, such as ".type", "[3]" or "[\"key\"]".
  JsonValue Child(simdjson::dom::element element, std::string_view step) const;

  // InvalidArgument "<file>: <field>: <reason>".
  absl::Status Error(std::string_view reason) const;

 private:
  absl::Status WrongType(std::string_view wanted) const;

  simdjson::dom::element element_;
  std::string file_;
  std::string field_;
};

// A token id: an integer from 0 to 2^31 - 1. The error says only what is wrong with the value.
absl::StatusOr<int32_t> ReadId(simdjson::dom::element element);

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_JSON_VALUE_H_
