// Regular expressions, read into a tree. The syntax is a part of ECMA-262's, with its meaning:
//
//   a  .  [a-z]  [^a-z]        characters; '.' is none that ends a line
//   \d \D \w \W \s \S          \d and \w are ASCII, \s is all white space of Unicode
//   \p{L} \P{Lu}               general categories of Unicode, by their short names
//   \n \t \r \f \v \0 \xHH \uHHHH \u{H...} \cA, and \ before a character of punctuation
//   ab  a|b  (a)  (?:a)  (?<name>a)
//   a*  a+  a?  a{2}  a{2,}  a{2,5}, and the same with ? behind it, which changes no text
//   ^  $                       the beginning and the end of the text
//
// Refused by name: look-around, back references, \b and \B, flags, possessive and atomic groups.
#ifndef LLUDA_ENGINE_GRAMMAR_REGEX_PARSER_H_
#define LLUDA_ENGINE_GRAMMAR_REGEX_PARSER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/grammar/char_set.h"

namespace lluda::grammar {

inline constexpr int kMaxRegexDepth = 64;  // groups inside one another
inline constexpr int kMaxRepeats = 50000;  // in {n,m}

struct RegexNode {
  enum class Kind : uint8_t { kSet, kSequence, kChoice, kRepeat, kBegin, kEnd };
  static constexpr int kUnbounded = -1;

  Kind kind;
  CharSet set;                // of kSet
  std::vector<int> children;  // of kSequence (none: the empty text), kChoice; one of kRepeat
  int min = 0;                // of kRepeat
  int max = 0;
};

struct Regex {
  std::vector<RegexNode> nodes;  // children before their parents; the last is the root
  bool has_anchors = false;
};

// Errors are one line such as "look-ahead '(?=' at byte 3 is not supported": InvalidArgument for
// what is malformed, Unimplemented for what is known and not supported, ResourceExhausted for more
// than the limits here and in grammar.h.
absl::StatusOr<Regex> ParseRegex(absl::string_view pattern);

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_REGEX_PARSER_H_
