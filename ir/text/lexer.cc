#include "ir/text/lexer.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ir/rules.h"

namespace lluda::ir {
namespace {

constexpr absl::string_view kPuncts[] = {"->", "..", "{", "}", "[", "]",
                                         "(",  ")",  ",", ":", "=", "<"};
// A source of the greatest length with every byte escaped (\\001), and the quotes.
constexpr size_t kMaxStringLength = 4 * kMaxSourceLength + 2;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsLetter(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsNameByte(char c) { return IsLetter(c) || IsDigit(c); }

char At(absl::string_view text, size_t i) { return i < text.size() ? text[i] : '\0'; }

size_t NameLength(absl::string_view text) {
  return std::find_if_not(text.begin(), text.end(), IsNameByte) - text.begin();
}

size_t WordLength(absl::string_view text) {
  size_t length = NameLength(text);
  while (At(text, length) == '-' && IsNameByte(At(text, length + 1))) {
    length += 1 + NameLength(text.substr(length + 1));
  }
  return length;
}

// A '.' belongs to the number before a digit only (0..28 is a range), a sign after an exponent's
// 'e' only.
size_t NumberLength(absl::string_view text) {
  size_t length = text[0] == '-' ? 1 : 0;
  for (;; ++length) {
    const char c = At(text, length);
    const bool inner = IsDigit(At(text, length + 1)) && length > 0;
    const bool sign = (c == '+' || c == '-') && inner &&
                      absl::ascii_tolower(static_cast<unsigned char>(text[length - 1])) == 'e';
    if (!IsNameByte(c) && !(c == '.' && inner) && !sign) return length;
  }
}

// The length of a string token with its quotes; 0 when it does not end on its line.
size_t StringLength(absl::string_view text) {
  for (size_t i = 1; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

}  // namespace

std::string Describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the file";
    case TokenKind::kValue:
      return absl::StrCat("'%", token.text, "'");
    case TokenKind::kGlobal:
      return absl::StrCat("'@", token.text, "'");
    case TokenKind::kString:
      return absl::StrCat("\"", token.text, "\"");
    default:
      return absl::StrCat("'", token.text, "'");
  }
}

void Lexer::Advance(size_t bytes) {
  for (const char c : text_.substr(0, bytes)) {
    ++at_.column;
    if (c == '\n') at_ = {at_.line + 1, 1};
  }
  text_.remove_prefix(bytes);
}

void Lexer::SkipSpace() {
  while (!text_.empty()) {
    if (absl::StartsWith(text_, "//")) {
      Advance(std::min(text_.find('\n'), text_.size()));
    } else if (text_[0] == ' ' || text_[0] == '\n' || text_[0] == '\t' || text_[0] == '\r') {
      Advance(1);
    } else {
      return;
    }
  }
}

Token Lexer::Make(TokenKind kind, size_t bytes, size_t prefix, size_t suffix) {
  const Token token{kind, text_.substr(prefix, bytes - prefix - suffix), at_};
  Advance(bytes);
  return token;
}

Token Lexer::Next() {
  SkipSpace();
  if (text_.empty()) return {TokenKind::kEnd, "", at_};
  const char first = text_[0];
  if (first == '%' || first == '@') {
    const size_t length = NameLength(text_.substr(1));
    if (length == 0) return Error("expected a name after '%' or '@'");
    if (length > kMaxNameLength) return Error("the name is too long");
    return Make(first == '%' ? TokenKind::kValue : TokenKind::kGlobal, length + 1, 1);
  }
  if (first == '"') {
    const size_t length = StringLength(text_);
    if (length == 0) return Error("the string does not end on its line");
    if (length > kMaxStringLength) return Error("the string is too long");
    return Make(TokenKind::kString, length, 1, 1);
  }
  const bool number = IsDigit(first) || (first == '-' && IsDigit(At(text_, 1)));
  if (number || IsLetter(first)) {
    const size_t length = number ? NumberLength(text_) : WordLength(text_);
    if (length > kMaxNameLength) return Error("the word or number is too long");
    return Make(number ? TokenKind::kNumber : TokenKind::kWord, length);
  }
  for (const absl::string_view punct : kPuncts) {
    if (absl::StartsWith(text_, punct)) return Make(TokenKind::kPunct, punct.size());
  }
  return Error("unexpected character");
}

}  // namespace lluda::ir
