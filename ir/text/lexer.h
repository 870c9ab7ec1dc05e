// Cuts the text of a module into tokens, one at a time; a Lexer is small and can be copied to read
// the same text again from where it stands.
//
// Example: `%h = cast %x {eps = 1e-06}` gives kValue "h", kPunct "=", kWord "cast", kValue "x",
// kPunct "{", kWord "eps", kPunct "=", kNumber "1e-06", kPunct "}".
#ifndef LLUDA_IR_TEXT_LEXER_H_
#define LLUDA_IR_TEXT_LEXER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace lluda::ir {

enum class TokenKind : uint8_t {
  kEnd,
  kError,   // `text` says what is wrong
  kWord,    // a letter or '_' first; '-' only between others (fuse-epilogue)
  kNumber,  // 16, -0.5, 1e-06, 16x2: starts with a digit or a minus sign
  kValue,   // %x, `text` is what follows the '%'
  kGlobal,  // @w, `text` is what follows the '@'
  kString,  // `text` is what stands between the quotes, escapes not resolved
  kPunct,   // { } [ ] ( ) , : = < -> ..
};

// Lines and columns count from 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  absl::string_view text;
  Position at;
};

// "'%x'", "'over'", "the end of the file": the token as an error message quotes it.
std::string Describe(const Token& token);

class Lexer {
 public:
  // `text` must outlive the tokens.
  explicit Lexer(absl::string_view text) : text_(text) {}

  // The next token; kEnd for ever after the last one. Whitespace and `//` comments are skipped.
  Token Next();

 private:
  void SkipSpace();
  void Advance(size_t bytes);
  Token Make(TokenKind kind, size_t bytes, size_t prefix = 0, size_t suffix = 0);
  Token Error(absl::string_view message) const { return {TokenKind::kError, message, at_}; }

  absl::string_view text_;
  Position at_;
};

}  // namespace lluda::ir

#endif  // LLUDA_IR_TEXT_LEXER_H_
