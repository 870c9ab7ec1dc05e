#include "base/json/parse_json.h"

#include <charconv>
#include <cstdint>
#include <optional>

namespace lluda::base {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsOfNumber(char c) { return IsDigit(c) || c == '-' || c == '+' || c == '.' || IsLetter(c); }

// A piece of a text: a string with its quotes, a number or a word, or a single other byte.
std::string_view NextPiece(std::string_view text) {
  size_t end = 1;
  if (text[0] == '"') {
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    return text.substr(0, end + 1);
  }
  if (!IsOfNumber(text[0])) return text.substr(0, 1);
  while (end < text.size() && IsOfNumber(text[end])) ++end;
  return text.substr(0, end);
}

template <typename T>
bool Fits(std::string_view integer) {
  T value;
  return std::from_chars(integer.data(), integer.data() + integer.size(), value).ec == std::errc();
}

// "12345678901234567890123", "-9223372036854775809".
bool IsLargeInteger(std::string_view piece) {
  std::string_view digits = piece;
  if (digits[0] == '-') digits.remove_prefix(1);
  if (digits.empty() || digits[0] == '0') return false;
  for (const char c : digits) {
    if (!IsDigit(c)) return false;
  }
  return digits.size() == piece.size() ? !Fits<uint64_t>(piece) : !Fits<int64_t>(piece);
}

// The text with an exponent behind each large integer, which makes it a double; none if there are
// no such integers.
std::optional<std::string> WithDoubles(std::string_view text) {
  std::string changed;
  bool has_large = false;
  while (!text.empty()) {
    const std::string_view piece = NextPiece(text);
    changed += piece;
    if (IsLargeInteger(piece)) {
      changed += "e0";
      has_large = true;
    }
    text.remove_prefix(piece.size());
  }
  if (!has_large) return std::nullopt;
  return changed;
}

// The surrogate that the escape at the beginning of the text is; 0 if it is none.
unsigned SurrogateAt(std::string_view text) {
  unsigned unit = 0;
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  const bool is_surrogate = error == std::errc() && end == text.data() + 6 && unit >> 11 == 0x1b;
  return is_surrogate ? unit : 0;
}

// The first escape of a string that is half a character.
std::string_view LoneSurrogate(std::string_view string) {
  const auto is_low = [](unsigned unit) { return unit >= 0xdc00; };
  for (size_t i = 0; i < string.size(); ++i) {
    if (string[i] != '\\') continue;
    const unsigned unit = SurrogateAt(string.substr(i));
    const unsigned next = unit == 0 ? 0 : SurrogateAt(string.substr(i + 6));
    const bool is_pair = unit != 0 && !is_low(unit) && is_low(next);
    if (unit != 0 && !is_pair) return string.substr(i, 6);
    i += is_pair ? 11 : 1;
  }
  return {};
}

bool IsNoNumber(std::string_view piece) {
  if (piece[0] == '-' || piece[0] == '+') piece.remove_prefix(1);
  for (const std::string_view word : {"NaN", "nan", "Infinity", "infinity", "Inf", "inf"}) {
    if (piece == word) return true;
  }
  return false;
}

// "1e999", which simdjson refuses as it does one with a wrong character.
bool IsLargeNumber(std::string_view piece) {
  double value;
  const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), value);
  return error == std::errc::result_out_of_range && end == piece.data() + piece.size();
}

}  // namespace

simdjson::error_code ParseJson(std::string_view text, size_t max_depth,
                               simdjson::dom::parser* parser, simdjson::dom::element* root) {
  const auto parse = [&](std::string_view json) -> simdjson::error_code {
    if (const simdjson::error_code code = parser->allocate(json.size(), max_depth)) return code;
    return parser->parse(json.data(), json.size()).get(*root);
  };
  const simdjson::error_code code = parse(text);
  if (code != simdjson::NUMBER_ERROR) return code;
  const std::optional<std::string> with_doubles = WithDoubles(text);
  return with_doubles ? parse(*with_doubles) : code;
}

std::string WhyInvalid(std::string_view text, simdjson::error_code code) {
  while (!text.empty()) {
    const std::string_view piece = NextPiece(text);
    if (IsNoNumber(piece)) return "there is " + std::string(piece) + ", which is no number of JSON";
    if (code == simdjson::NUMBER_ERROR && IsLargeNumber(piece)) {
      return "there is " + std::string(piece.substr(0, 40)) +
             ", which is beyond a number's 64 bits";
    }
    if (const std::string_view escape = LoneSurrogate(piece); !escape.empty()) {
      return "a string has a lone surrogate, " + std::string(escape);
    }
    text.remove_prefix(piece.size());
  }
  return simdjson::error_message(code);
}

}  // namespace lluda::base
