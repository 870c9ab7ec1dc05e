// Writes JSON, one value after another; commas and escapes are taken care of.
//
//   JsonWriter json;
//   json.BeginObject().Key("ids").Numbers(ids).Key("decoded").String(text).EndObject();
//   json.text();  // {"ids": [1, 2], "decoded": "a\nb"}
#ifndef LLUDA_BASE_JSON_JSON_WRITER_H_
#define LLUDA_BASE_JSON_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::base {

class JsonWriter {
 public:
  // A document that says first what it is and which version of it: {"schema": "lluda.verify/1", ...
  // docs/json.md lists what each of them holds.
  JsonWriter& BeginDocument(absl::string_view schema) {
    return BeginObject().Key("schema").String(schema);
  }
  // Ends it with a newline; the whole of it.
  std::string EndDocument() { return EndObject().text() + "\n"; }
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(absl::string_view key);

  JsonWriter& String(absl::string_view value);  // valid UTF-8
  JsonWriter& Int(int64_t value);
  // Six significant digits; null for what JSON cannot write, NaN and infinities.
  JsonWriter& Number(double value);
  // The shortest decimal that reads as the same number; null for what is not finite.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Numbers(const std::vector<int32_t>& values);
  // Each as the shortest decimal that reads as the same float; null for what is not finite.
  JsonWriter& Floats(const std::vector<float>& values);
  JsonWriter& Strings(const std::vector<std::string>& values);
  // A value that is valid JSON already.
  JsonWriter& Json(absl::string_view value) { return Raw(value); }

  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  JsonWriter& Raw(absl::string_view value);
  void Separate();
  void Quote(absl::string_view value);

  std::string text_;
  bool need_comma_ = false;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_JSON_JSON_WRITER_H_
