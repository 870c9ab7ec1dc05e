// A regular expression that cuts a text into matches and the gaps between them.
//
//   SplitPattern::Compile(R"(\p{L}+| ?\p{N})") cuts "ab, 12" into "ab", the gap ",", " 1", "2".
//
// The expressions in tokenizer.json are Oniguruma's; RE2, which guarantees linear time for a match,
// does the matching. What differs is translated: \s, \S, \d and \D are Unicode classes, \uHHHH is a
// code point, \p{L} and \p{N} have the characters of Unicode 16. RE2 has no look-ahead; the one
// that these files use, `|\s+(?!\S)|\s+` at the end, is handled around RE2: a run of white space
// gives its last character to a word that follows it. Everything else that RE2 lacks, or reads
// differently from Oniguruma (\w, \b, ^, $, look-around, possessive quantifiers), is refused by
// name.
#ifndef LLUDA_FRONTENDS_TOKENIZER_TEXT_SPLIT_PATTERN_H_
#define LLUDA_FRONTENDS_TOKENIZER_TEXT_SPLIT_PATTERN_H_

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace lluda::tokenizer {

class SplitPattern {
 public:
  static absl::StatusOr<SplitPattern> Compile(std::string_view regex);
  // Matches every occurrence of `text`, which must not be empty.
  static absl::StatusOr<SplitPattern> Literal(std::string_view text);

  SplitPattern(SplitPattern&&) noexcept;
  SplitPattern& operator=(SplitPattern&&) noexcept;
  ~SplitPattern();

  // Calls `part` with the parts of `text`, valid UTF-8, in order; together they are `text`. None is
  // empty. Each is a view of it. Adds the number of matches tried to `*steps`.
  using Part = absl::FunctionRef<void(std::string_view text, bool is_match)>;
  void Cut(std::string_view text, Part part, int64_t* steps) const;

 private:
  SplitPattern(std::unique_ptr<re2::RE2> regex, bool whitespace_tail, std::string literal);

  // The length of the match that starts at `begin`, or 0.
  size_t MatchAt(std::string_view text, size_t begin) const;

  // Where the next match from `begin` on is; one of no length if there is none.
  std::string_view NextMatch(std::string_view text, size_t begin) const;

  std::unique_ptr<re2::RE2> regex_;  // null for a literal
  bool whitespace_tail_;  // The expression ended in `|\s+(?!\S)|\s+`, which regex_ lacks.
  std::string literal_;
};

}  // namespace lluda::tokenizer

#endif  // LLUDA_FRONTENDS_TOKENIZER_TEXT_SPLIT_PATTERN_H_
