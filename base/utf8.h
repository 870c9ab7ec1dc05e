// UTF-8 as the tokenizer needs it: read one character, repair a text, find where a stream may be
// cut.
//
// Invalid input follows the Unicode Standard's "maximal subpart" practice (section 3.9, table 3-7),
// which is what Rust's from_utf8_lossy and Python's errors="replace" do: each maximal prefix of a
// well-formed sequence, or else each single byte, becomes one U+FFFD.
//
//   ReplaceInvalidUtf8("a\xF0\x9F!")        == "a\uFFFD!"
//   CompleteUtf8Prefix("ab\xE6\x97")        == 2   (the character is not there yet)
#ifndef LLUDA_BASE_UTF8_H_
#define LLUDA_BASE_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace lluda::base {

struct Utf8Char {
  char32_t code_point;  // U+FFFD where the bytes are invalid.
  size_t length;        // Bytes read, at least 1.
  bool valid;
  bool truncated;  // Invalid only because the text ends too early.
};

// Reads the character at the start of `text`, which must not be empty.
Utf8Char ReadUtf8(std::string_view text);

void AppendUtf8(char32_t code_point, std::string* out);

// Whether `text` is one valid character and nothing else.
bool IsOneCharacter(std::string_view text);

// `text` with every invalid sequence replaced by U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

// The length of `bytes` without a last character that further bytes could still complete.
size_t CompleteUtf8Prefix(std::string_view bytes);

}  // namespace lluda::base

#endif  // LLUDA_BASE_UTF8_H_
