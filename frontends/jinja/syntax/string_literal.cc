#include "frontends/jinja/syntax/string_literal.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace lluda::jinja {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kLargest = 0x10FFFF;

// The value of a digit in bases up to 16.
std::optional<uint32_t> DigitOf(char c, uint32_t base) {
  uint32_t digit = 99;
  if (c >= '0' && c <= '9') digit = c - '0';
  if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
  if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
  if (digit >= base) return std::nullopt;
  return digit;
}

struct NumericEscape {
  char letter;
  size_t digits;
};
constexpr NumericEscape kNumericEscapes[] = {{'x', 2}, {'u', 4}, {'U', 8}};

class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  absl::StatusOr<std::string> Run() {
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '\\') {
        out_ += c;
        continue;
      }
      RETURN_IF_ERROR(Escape());
    }
    return std::move(out_);
  }

 private:
  absl::Status Escape() {
    constexpr std::string_view kLetters = "\\'\"abfnrtv";
    constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    if (at_ == text_.size()) return absl::InvalidArgumentError("\\ at end of string");
    const char letter = text_[at_++];
    if (letter == '\n') return absl::OkStatus();
    if (const size_t known = kLetters.find(letter); known != std::string_view::npos) {
      out_ += kMeanings[known];
      return absl::OkStatus();
    }
    if (letter == 'N') return absl::InvalidArgumentError("the escape \\N{...} is not supported");
    if (DigitOf(letter, 8).has_value()) {
      --at_;
      AppendCharacter(ReadNumber(3, 8));
      return absl::OkStatus();
    }
    for (const NumericEscape& escape : kNumericEscapes) {
      if (escape.letter != letter) continue;
      const size_t begin = at_;
      const uint32_t value = ReadNumber(escape.digits, 16);
      if (at_ - begin != escape.digits) {
        return absl::InvalidArgumentError("a \\x, \\u or \\U escape is cut short");
      }
      if (value > kLargest) return absl::InvalidArgumentError("illegal Unicode character");
      AppendCharacter(value);
      return absl::OkStatus();
    }
    out_ += '\\';
    out_ += letter;
    return absl::OkStatus();
  }

  uint32_t ReadNumber(size_t most_digits, uint32_t base) {
    uint32_t value = 0;
    for (size_t i = 0; i < most_digits && at_ < text_.size(); ++i, ++at_) {
      const std::optional<uint32_t> digit = DigitOf(text_[at_], base);
      if (!digit.has_value()) break;
      value = value * base + *digit;
    }
    return value;
  }

  void AppendCharacter(char32_t code_point) {
    const bool is_surrogate = code_point >= 0xD800 && code_point < 0xE000;
    base::AppendUtf8(is_surrogate ? kReplacement : code_point, &out_);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> DecodeStringLiteral(std::string_view literal) {
  return Decoder(literal).Run();
}

}  // namespace lluda::jinja
