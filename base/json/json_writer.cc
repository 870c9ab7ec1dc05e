#include "base/json/json_writer.h"

#include <charconv>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lluda::base {

void JsonWriter::Separate() {
  if (need_comma_) text_ += ", ";
  need_comma_ = true;
}

// RFC 8259, section 7: quotation mark, reverse solidus and the control characters are escaped.
void JsonWriter::Quote(absl::string_view value) {
  text_ += '"';
  for (const char c : value) {
    switch (c) {
      case '"':
        text_ += "\\\"";
        break;
      case '\\':
        text_ += "\\\\";
        break;
      case '\n':
        text_ += "\\n";
        break;
      case '\r':
        text_ += "\\r";
        break;
      case '\t':
        text_ += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          absl::StrAppendFormat(&text_, "\\u%04x", c);
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  text_ += bracket;
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  text_ += bracket;
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view key) {
  Separate();
  Quote(key);
  text_ += ": ";
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Raw(absl::string_view value) {
  Separate();
  text_.append(value.data(), value.size());
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view value) {
  Separate();
  Quote(value);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) { return Raw(absl::StrCat(value)); }

JsonWriter& JsonWriter::Number(double value) {
  return std::isfinite(value) ? Raw(absl::StrFormat("%.6g", value)) : Null();
}

JsonWriter& JsonWriter::Double(double value) {
  char digits[32];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return std::isfinite(value) ? Raw({digits, static_cast<size_t>(end - digits)}) : Null();
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Numbers(const std::vector<int32_t>& values) {
  BeginArray();
  for (const int32_t value : values) Int(value);
  return EndArray();
}

JsonWriter& JsonWriter::Floats(const std::vector<float>& values) {
  BeginArray();
  for (const float value : values) {
    char digits[32];
    const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    std::isfinite(value) ? Raw({digits, static_cast<size_t>(end - digits)}) : Null();
  }
  return EndArray();
}

JsonWriter& JsonWriter::Strings(const std::vector<std::string>& values) {
  BeginArray();
  for (const std::string& value : values) String(value);
  return EndArray();
}

}  // namespace lluda::base
