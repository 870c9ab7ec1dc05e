// The filters that make one value of one value; sequence_filters.cc has those that go through one.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "frontends/jinja/builtins/filter_tables.h"
#include "frontends/jinja/builtins/format.h"
#include "frontends/jinja/value/from_json.h"
#include "frontends/jinja/value/limits.h"
#include "frontends/jinja/value/objects.h"
#include "frontends/jinja/value/python_text.h"
#include "frontends/tokenizer/text/strings.h"

namespace lluda::jinja {
namespace {

using tokenizer::Concat;

bool TruthOf(const Value* value, bool if_absent) {
  return value == nullptr ? if_absent : Truth(*value);
}

absl::StatusOr<Value> String(Machine* machine, const Value& subject, const Bound&) {
  if (subject.is_string()) return subject;
  ASSIGN_OR_RETURN(Text text, Str(subject, machine->budget));
  return NewString(machine, std::move(text));
}

template <Case wanted>
absl::StatusOr<Value> InCase(Machine* machine, const Value& subject, const Bound&) {
  ASSIGN_OR_RETURN(const Text text, Str(subject, machine->budget));
  machine->budget->ChargeParts(text.size() / 4);
  return NewString(machine, ChangeCase(text, wanted));
}

absl::StatusOr<Value> Trim(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text text, Str(subject, machine->budget));
  if (bound[0] == nullptr || bound[0]->is_none()) {
    return NewString(machine, Strip(text, nullptr, Side::kBoth));
  }
  if (!bound[0]->is_string()) return absl::InvalidArgumentError("trim takes a text or none");
  return NewString(machine, Strip(text, &bound[0]->bytes(), Side::kBoth));
}

absl::StatusOr<Value> Length(Machine* machine, const Value& subject, const Bound&) {
  switch (subject.type()) {
    case Type::kUndefined:
      return Value::Int(0);
    case Type::kString:
      machine->budget->ChargeBytes(subject.bytes().size());
      return Value::Int(static_cast<int64_t>(CountCharacters(subject.bytes())));
    case Type::kDict:
      return Value::Int(static_cast<int64_t>(subject.dict()->size()));
    case Type::kLoop:
      return Value::Int(static_cast<int64_t>(subject.loop()->items.size()));
    case Type::kList:
      if (subject.list()->has_length()) {
        return Value::Int(static_cast<int64_t>(subject.list()->items.size()));
      }
      break;
    default:
      break;
  }
  return absl::InvalidArgumentError(
      Concat("object of type '", TypeName(subject), "' has no len()"));
}

absl::StatusOr<Value> Default(Machine*, const Value& subject, const Bound& bound) {
  const bool is_replaced = subject.is_undefined() || (TruthOf(bound[1], false) && !Truth(subject));
  if (!is_replaced) return subject;
  return bound[0] == nullptr ? Value::String(Text()) : *bound[0];
}

absl::StatusOr<Value> Replace(Machine* machine, const Value& subject, const Bound& bound) {
  ASSIGN_OR_RETURN(const Text text, Str(subject, machine->budget));
  ASSIGN_OR_RETURN(const Text old_part, Str(*bound[0], machine->budget));
  ASSIGN_OR_RETURN(const Text new_part, Str(*bound[1], machine->budget));
  int64_t count = -1;
  if (bound[2] != nullptr && !bound[2]->is_none()) {
    ASSIGN_OR_RETURN(count, IntegerOf(*bound[2], "the count of replace"));
  }
  return ReplaceText(machine, text, old_part.bytes(), new_part, count);
}

absl::StatusOr<Value> ToJsonFilter(Machine* machine, const Value& subject, const Bound& bound) {
  JsonOptions options;
  options.ensure_ascii = TruthOf(bound[0], false);
  if (bound[1] != nullptr && !bound[1]->is_none()) {
    if (bound[1]->is_string()) {
      options.indent = bound[1]->bytes();
    } else {
      ASSIGN_OR_RETURN(const int64_t width, IntegerOf(*bound[1], "the indent of tojson"));
      if (width > kMostDepth) return absl::InvalidArgumentError("the indent of tojson is too wide");
      options.indent = std::string(std::max<int64_t>(width, 0), ' ');
    }
  }
  if (bound[2] != nullptr && !bound[2]->is_none()) {
    const bool is_list = bound[2]->is(Type::kList) && bound[2]->list()->items.size() == 2;
    if (!is_list || !bound[2]->list()->items[0].is_string() ||
        !bound[2]->list()->items[1].is_string()) {
      return absl::InvalidArgumentError("the separators of tojson are not two texts");
    }
    options.item_separator = bound[2]->list()->items[0].bytes();
    options.key_separator = bound[2]->list()->items[1].bytes();
  }
  options.sort_keys = TruthOf(bound[3], false);
  ASSIGN_OR_RETURN(std::string text, ToJson(subject, options, machine->budget));
  return NewString(machine, Text(std::move(text), Origin::kUser));
}

absl::StatusOr<Value> FromJsonFilter(Machine* machine, const Value& subject, const Bound&) {
  if (!subject.is_string()) {
    return absl::InvalidArgumentError(
        subject.is_undefined() ? subject.bytes()
                               : Concat("from_json takes a text, not ", TypeName(subject)));
  }
  machine->budget->ChargeParts(subject.bytes().size());
  RETURN_IF_ERROR(machine->budget->Check());
  return ParseJson(subject.bytes(), Origin::kUser, machine->heap);
}

absl::StatusOr<Value> Indent(Machine* machine, const Value& subject, const Bound& bound) {
  if (!subject.is_string()) {
    return absl::InvalidArgumentError(subject.is_undefined()
                                          ? subject.bytes()
                                          : Concat("indent takes a text, not ", TypeName(subject)));
  }
  Text indent("    ", Origin::kTemplate);
  if (bound[0] != nullptr && bound[0]->is_string()) {
    indent = bound[0]->text();
  } else if (bound[0] != nullptr) {
    ASSIGN_OR_RETURN(const int64_t width, IntegerOf(*bound[0], "the width of indent"));
    if (width > kLongestRange)
      return absl::InvalidArgumentError("the width of indent is too large");
    indent = Text(std::string(std::max<int64_t>(width, 0), ' '), Origin::kTemplate);
  }
  const bool blank = TruthOf(bound[2], false);
  Text ended = subject.text();
  ended.Append("\n", Origin::kTemplate);
  Text text;
  bool is_first = true;
  for (const Text& line : SplitLines(ended, /*keep_ends=*/false, machine->budget)) {
    machine->budget->ChargeBytes(indent.size() + line.size());
    RETURN_IF_ERROR(machine->budget->Check());
    if (!is_first) text.Append("\n", Origin::kTemplate);
    const bool is_indented = is_first ? TruthOf(bound[1], false) : (blank || !line.empty());
    if (is_indented) text.Append(indent);
    text.Append(line);
    is_first = false;
    if (text.size() > kMostTextBytes) break;  // an error of NewString
  }
  return NewString(machine, std::move(text));
}

// A number as Python's int(text, base) reads it.
std::optional<int64_t> ParseInt(const Text& text, int64_t base) {
  std::string digits = Strip(text, nullptr, Side::kBoth).bytes();
  const bool is_negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.erase(0, 1);
  struct Prefix {
    std::string_view letters;
    int64_t base;
  };
  constexpr Prefix kPrefixes[] = {{"xX", 16}, {"oO", 8}, {"bB", 2}};
  for (const Prefix& prefix : kPrefixes) {
    const bool is_here = digits.size() > 1 && digits[0] == '0' &&
                         prefix.letters.find(digits[1]) != std::string_view::npos;
    if (!is_here || (base != 0 && base != prefix.base)) continue;
    digits.erase(0, 2);
    base = prefix.base;
    if (!digits.empty() && digits[0] == '_') digits.erase(0, 1);
    break;
  }
  if (base == 0) base = 10;
  if (base < 2 || base > 36 || digits.empty() || digits.back() == '_') return std::nullopt;
  int64_t value = 0;
  char last = '_';
  for (const char c : digits) {
    if (c == '_') {
      if (last == '_') return std::nullopt;
      last = c;
      continue;
    }
    last = c;
    int64_t digit = 99;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') digit = c - 'A' + 10;
    if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
        __builtin_sub_overflow(value, digit, &value)) {
      return std::nullopt;
    }
  }
  // Counted down, as there is one more negative number.
  if (!is_negative && value == std::numeric_limits<int64_t>::min()) return std::nullopt;
  return is_negative ? value : -value;
}

std::optional<double> ParseFloat(const Text& text) {
  std::string digits = Strip(text, nullptr, Side::kBoth).bytes();
  if (digits.find_first_of("xX()") != std::string::npos) return std::nullopt;
  double value = 0;
  if (!absl::SimpleAtod(digits, &value)) return std::nullopt;
  return value;
}

std::optional<int64_t> Truncate(double value) {
  if (!(std::abs(value) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(value);
}

absl::StatusOr<Value> IntFilter(Machine*, const Value& subject, const Bound& bound) {
  if (subject.is_undefined()) return absl::InvalidArgumentError(subject.bytes());
  std::optional<int64_t> value;
  if (subject.is_integer()) value = subject.as_int();
  if (subject.is(Type::kFloat)) value = Truncate(subject.as_double());
  if (subject.is_string()) {
    int64_t base = 10;
    if (bound[1] != nullptr) {
      ASSIGN_OR_RETURN(base, IntegerOf(*bound[1], "the base of int"));
    }
    value = ParseInt(subject.text(), base);
    if (!value.has_value()) {
      const std::optional<double> number = ParseFloat(subject.text());
      if (number.has_value()) value = Truncate(*number);
    }
  }
  if (value.has_value()) return Value::Int(*value);
  return bound[0] == nullptr ? Value::Int(0) : *bound[0];
}

absl::StatusOr<Value> FloatFilter(Machine*, const Value& subject, const Bound& bound) {
  if (subject.is_undefined()) return absl::InvalidArgumentError(subject.bytes());
  std::optional<double> value;
  if (subject.is_number()) value = subject.as_double();
  if (subject.is_string()) value = ParseFloat(subject.text());
  if (value.has_value()) return Value::Float(*value);
  return bound[0] == nullptr ? Value::Float(0) : *bound[0];
}

absl::StatusOr<Value> Abs(Machine*, const Value& subject, const Bound&) {
  if (subject.is(Type::kFloat)) return Value::Float(std::abs(subject.as_double()));
  ASSIGN_OR_RETURN(const int64_t value, IntegerOf(subject, "what abs takes"));
  if (value == std::numeric_limits<int64_t>::min()) {
    return absl::InvalidArgumentError("the result is an integer of more than 64 bits");
  }
  return Value::Int(std::abs(value));
}

absl::StatusOr<Value> Round(Machine*, const Value& subject, const Bound& bound) {
  int64_t precision = 0;
  if (bound[0] != nullptr) {
    ASSIGN_OR_RETURN(precision, IntegerOf(*bound[0], "the precision of round"));
  }
  const std::string method =
      bound[1] != nullptr && bound[1]->is_string() ? bound[1]->bytes() : "common";
  if (!subject.is_number()) {
    return absl::InvalidArgumentError(
        subject.is_undefined() ? subject.bytes()
                               : Concat("round takes a number, not ", TypeName(subject)));
  }
  if (precision < 0 || precision > 300) {
    return absl::InvalidArgumentError("the precision of round is not between 0 and 300");
  }
  const double value = subject.as_double();
  if (method == "common") {
    if (subject.is_integer()) return Value::Int(subject.as_int());
    const std::string text = absl::StrFormat("%.*f", static_cast<int>(precision), value);
    return Value::Float(std::strtod(text.c_str(), nullptr));
  }
  if (method != "ceil" && method != "floor") {
    return absl::InvalidArgumentError("method must be common, ceil or floor");
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  return Value::Float((method == "ceil" ? std::ceil(value * scale) : std::floor(value * scale)) /
                      scale);
}

constexpr Builtin kFilters[] = {
    {"abs", 0, {}, Abs},
    {"capitalize", 0, {}, InCase<Case::kCapitalized>},
    {"count", 0, {}, Length},
    {"d", 0, {"default_value", "boolean"}, Default},
    {"default", 0, {"default_value", "boolean"}, Default},
    {"float", 0, {"default"}, FloatFilter},
    {"from_json", 0, {}, FromJsonFilter},
    {"indent", 0, {"width", "first", "blank"}, Indent},
    {"int", 0, {"default", "base"}, IntFilter},
    {"length", 0, {}, Length},
    {"lower", 0, {}, InCase<Case::kLower>},
    {"replace", 2, {"old", "new", "count"}, Replace},
    {"round", 0, {"precision", "method"}, Round},
    {"safe", 0, {}, String},
    {"string", 0, {}, String},
    {"title", 0, {}, InCase<Case::kWords>},
    {"tojson", 0, {"ensure_ascii", "indent", "separators", "sort_keys"}, ToJsonFilter},
    {"trim", 0, {"chars"}, Trim},
    {"upper", 0, {}, InCase<Case::kUpper>},
};

}  // namespace

absl::StatusOr<Value> ReplaceText(Machine* machine, const Text& text, const std::string& old_part,
                                  const Text& new_part, int64_t count) {
  machine->budget->ChargeBytes(text.size());
  Text result;
  size_t at = 0;
  while (count != 0) {
    size_t found = FindText(text.bytes(), old_part, at);
    if (found == std::string_view::npos) break;
    if (count > 0) --count;
    machine->budget->ChargeBytes(new_part.size());
    RETURN_IF_ERROR(machine->budget->Check());
    result.AppendPart(text, at, found);
    result.Append(new_part);
    if (result.size() > kMostTextBytes) break;  // an error of NewString
    at = found + old_part.size();
    if (!old_part.empty()) continue;
    // Between all characters, and at both ends.
    if (at == text.size()) break;
    const size_t next = at + base::ReadUtf8(std::string_view(text.bytes()).substr(at)).length;
    result.AppendPart(text, at, next);
    at = next;
  }
  result.AppendPart(text, at, text.size());
  return NewString(machine, std::move(result));
}

const Builtin* FindFilter(std::string_view name) {
  for (const Builtin& row : kFilters) {
    if (row.name == name) return &row;
  }
  return FindSequenceFilter(name);
}

}  // namespace lluda::jinja
