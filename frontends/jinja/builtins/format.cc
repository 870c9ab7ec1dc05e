#include "frontends/jinja/builtins/format.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/syntax/syntax.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

// Python's str.isprintable for one character.
bool IsPrintable(char32_t code_point) {
  if (code_point == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

// What writers share: the limits.
class Writer {
 public:
  explicit Writer(Budget* budget) : budget_(budget) {}

  absl::Status Enter() {
    budget_->ChargeParts(1);
    RETURN_IF_ERROR(budget_->Check());
    if (out_.size() > kMostTextBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a text has more than ", kMostTextBytes, " bytes"));
    }
    if (depth_ < kMostDepth) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("a value is nested deeper than ", kMostDepth, " levels"));
  }

  std::string Finish() {
    budget_->ChargeBytes(out_.size());
    return std::move(out_);
  }

 protected:
  Budget* budget_;
  std::string out_;
  int depth_ = 0;
};

class ReprWriter : public Writer {
 public:
  using Writer::Writer;

  absl::Status Write(const Value& value) {
    RETURN_IF_ERROR(Enter());
    switch (value.type()) {
      case Type::kUndefined:
        out_ += "Undefined";
        return absl::OkStatus();
      case Type::kNone:
        out_ += "None";
        return absl::OkStatus();
      case Type::kBool:
        out_ += value.as_bool() ? "True" : "False";
        return absl::OkStatus();
      case Type::kInt:
        absl::StrAppend(&out_, value.as_int());
        return absl::OkStatus();
      case Type::kFloat:
        out_ += FormatFloat(value.as_double());
        return absl::OkStatus();
      case Type::kString:
        WriteString(value.bytes());
        return absl::OkStatus();
      case Type::kList:
        return WriteList(*value.list());
      case Type::kNamespace:
        out_ += "<Namespace ";
        RETURN_IF_ERROR(WriteDict(*value.dict()));
        out_ += ">";
        return absl::OkStatus();
      case Type::kDict:
        return WriteDict(*value.dict());
      case Type::kMacro:
        out_ += Concat("<Macro '", value.macro()->definition->name, "'>");
        return absl::OkStatus();
      case Type::kLoop:
        absl::StrAppend(&out_, "<LoopContext ", value.loop()->index + 1, "/",
                        value.loop()->items.size(), ">");
        return absl::OkStatus();
      default:
        out_ += Concat("<", TypeName(value), ">");
        return absl::OkStatus();
    }
  }

 private:
  void WriteString(std::string_view text) {
    const bool has_single = text.find('\'') != std::string_view::npos;
    const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
    out_ += quote;
    while (!text.empty()) {
      const base::Utf8Char next = base::ReadUtf8(text);
      WriteCharacter(next.code_point, text.substr(0, next.length), quote);
      text.remove_prefix(next.length);
    }
    out_ += quote;
  }

  void WriteCharacter(char32_t code_point, std::string_view bytes, char quote) {
    if (code_point == static_cast<char32_t>(quote) || code_point == '\\') {
      out_ += '\\';
      out_ += bytes;
    } else if (code_point == '\n') {
      out_ += "\\n";
    } else if (code_point == '\r') {
      out_ += "\\r";
    } else if (code_point == '\t') {
      out_ += "\\t";
    } else if (IsPrintable(code_point)) {
      out_ += bytes;
    } else if (code_point < 0x100) {
      absl::StrAppendFormat(&out_, "\\x%02x", static_cast<uint32_t>(code_point));
    } else if (code_point < 0x10000) {
      absl::StrAppendFormat(&out_, "\\u%04x", static_cast<uint32_t>(code_point));
    } else {
      absl::StrAppendFormat(&out_, "\\U%08x", static_cast<uint32_t>(code_point));
    }
  }

  struct Brackets {
    std::string_view open, close;
  };
  absl::Status WriteList(const List& list) {
    constexpr Brackets kBrackets[] = {{"[", "]"},
                                      {"(", ")"},
                                      {"range(", ")"},
                                      {"dict_keys([", "])"},
                                      {"dict_values([", "])"},
                                      {"dict_items([", "])"}};
    if (list.kind == ListKind::kIterator) {
      out_ += "<generator object>";
      return absl::OkStatus();
    }
    if (list.kind == ListKind::kRange) return WriteRange(list.items);
    const Brackets& brackets = kBrackets[static_cast<int>(list.kind)];
    out_ += brackets.open;
    ++depth_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      RETURN_IF_ERROR(Write(list.items[i]));
    }
    --depth_;
    if (list.kind == ListKind::kTuple && list.items.size() == 1) out_ += ",";
    out_ += brackets.close;
    return absl::OkStatus();
  }

  // Python remembers how it was asked for; this is the same for those that count up by one.
  absl::Status WriteRange(const std::vector<Value>& items) {
    const int64_t first = items.empty() ? 0 : items.front().as_int();
    const int64_t step = items.size() < 2 ? 1 : items[1].as_int() - first;
    const int64_t end = items.empty() ? 0 : items.back().as_int() + step;
    absl::StrAppend(&out_, "range(", first, ", ", end);
    if (step != 1) absl::StrAppend(&out_, ", ", step);
    out_ += ")";
    return absl::OkStatus();
  }

  absl::Status WriteDict(const Dict& dict) {
    out_ += "{";
    ++depth_;
    bool is_first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (!is_first) out_ += ", ";
      is_first = false;
      RETURN_IF_ERROR(Write(key));
      out_ += ": ";
      RETURN_IF_ERROR(Write(value));
    }
    --depth_;
    out_ += "}";
    return absl::OkStatus();
  }
};

class JsonTextWriter : public Writer {
 public:
  JsonTextWriter(const JsonOptions& options, Budget* budget)
      : Writer(budget),
        options_(options),
        comma_(options.item_separator.value_or(options.indent.has_value() ? "," : ", ")),
        colon_(options.key_separator.value_or(": ")) {}

  absl::Status Write(const Value& value) {
    RETURN_IF_ERROR(Enter());
    switch (value.type()) {
      case Type::kString:
        WriteString(value.bytes());
        return absl::OkStatus();
      case Type::kList:
        if (value.list()->kind > ListKind::kTuple) break;
        return WriteItems('[', ']', value.list()->items.size(),
                          [&](size_t i) { return Write(value.list()->items[i]); });
      case Type::kDict:
        return WriteDict(*value.dict());
      default:
        break;
    }
    ASSIGN_OR_RETURN(const std::string text, Scalar(value));
    out_ += text;
    return absl::OkStatus();
  }

 private:
  static absl::StatusOr<std::string> Scalar(const Value& value) {
    switch (value.type()) {
      case Type::kNone:
        return "null";
      case Type::kBool:
        return value.as_bool() ? "true" : "false";
      case Type::kInt:
        return absl::StrCat(value.as_int());
      case Type::kFloat: {
        const double number = value.as_double();
        if (std::isnan(number)) return "NaN";
        if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
        return FormatFloat(number);
      }
      default:
        return absl::InvalidArgumentError(
            Concat("an object of type ", TypeName(value), " is not JSON serializable"));
    }
  }

  absl::Status WriteDict(const Dict& dict) {
    std::vector<std::pair<Value, Value>> entries = dict.entries();
    if (options_.sort_keys) {
      absl::Status order;
      std::stable_sort(entries.begin(), entries.end(), [&](const auto& a, const auto& b) {
        const absl::StatusOr<int> compared = Compare(a.first, b.first, budget_);
        if (!compared.ok()) order = compared.status();
        return compared.ok() && *compared < 0;
      });
      RETURN_IF_ERROR(order);
    }
    return WriteItems('{', '}', entries.size(), [&](size_t i) -> absl::Status {
      const Value& key = entries[i].first;
      if (key.is_string()) {
        WriteString(key.bytes());
      } else {
        ASSIGN_OR_RETURN(const std::string name, Scalar(key));
        WriteString(name);
      }
      out_ += colon_;
      return Write(entries[i].second);
    });
  }

  template <typename WriteItem>
  absl::Status WriteItems(char open, char close, size_t count, const WriteItem& write) {
    out_ += open;
    ++depth_;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += comma_;
      StartLine();
      RETURN_IF_ERROR(write(i));
    }
    --depth_;
    if (count > 0) StartLine();
    out_ += close;
    return absl::OkStatus();
  }

  void StartLine() {
    if (!options_.indent.has_value()) return;
    out_ += '\n';
    for (int i = 0; i < depth_; ++i) out_ += *options_.indent;
  }

  void WriteString(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      const base::Utf8Char next = base::ReadUtf8(text);
      WriteCharacter(next.code_point, text.substr(0, next.length));
      text.remove_prefix(next.length);
    }
    out_ += '"';
  }

  void WriteCharacter(char32_t code_point, std::string_view bytes) {
    constexpr std::string_view kEscaped = "\"\\\n\r\t\b\f";
    constexpr std::string_view kLetters = "\"\\nrtbf";
    const size_t at =
        code_point < 0x80 ? kEscaped.find(static_cast<char>(code_point)) : std::string_view::npos;
    if (at != std::string_view::npos) {
      out_ += '\\';
      out_ += kLetters[at];
    } else if (code_point < 0x20 || (options_.ensure_ascii && code_point >= 0x7F)) {
      WriteUnit(code_point);
    } else {
      out_ += bytes;
    }
  }

  void WriteUnit(char32_t code_point) {
    if (code_point == 0x7F) {
      out_ += '\x7F';
    } else if (code_point < 0x10000) {
      absl::StrAppendFormat(&out_, "\\u%04x", static_cast<uint32_t>(code_point));
    } else {
      const uint32_t bits = static_cast<uint32_t>(code_point) - 0x10000;
      absl::StrAppendFormat(&out_, "\\u%04x\\u%04x", 0xD800 + (bits >> 10),
                            0xDC00 + (bits & 0x3FF));
    }
  }

  const JsonOptions& options_;
  std::string comma_;
  std::string colon_;
};

}  // namespace

std::string FormatFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  std::string_view text(buffer, end.ptr - buffer);
  std::string out;
  if (text[0] == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const size_t mark = text.find('e');
  // Nothing ends the buffer, so that the number is read within the text; from_chars knows no plus.
  std::string_view power = text.substr(mark + 1);
  if (power[0] == '+') power.remove_prefix(1);
  int exponent = 0;
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (c != '.') digits += c;
  }
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    return out + absl::StrFormat("e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return out + digits + std::string(exponent + 1 - count, '0') + ".0";
  return out + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

absl::StatusOr<Text> Str(const Value& value, Budget* budget) {
  if (value.is_string()) {
    budget->ChargeBytes(value.bytes().size());
    return value.text();
  }
  if (value.is_undefined()) return Text();
  ReprWriter writer(budget);
  RETURN_IF_ERROR(writer.Write(value));
  const bool has_texts = value.is(Type::kList) || value.is(Type::kDict);
  return Text(writer.Finish(), has_texts ? Origin::kUser : Origin::kTemplate);
}

absl::StatusOr<std::string> ToJson(const Value& value, const JsonOptions& options, Budget* budget) {
  JsonTextWriter writer(options, budget);
  RETURN_IF_ERROR(writer.Write(value));
  return writer.Finish();
}

}  // namespace lluda::jinja
