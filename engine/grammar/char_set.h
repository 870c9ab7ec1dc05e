// A set of characters, as ranges of Unicode code points.
//
//   CharSet digits({{'0', '9'}});
//   digits.Negated().Contains(U'é')   // true
//
// Surrogates are no characters and are in no set.
#ifndef LLUDA_ENGINE_GRAMMAR_CHAR_SET_H_
#define LLUDA_ENGINE_GRAMMAR_CHAR_SET_H_

#include <initializer_list>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace lluda::grammar {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

class CharSet {
 public:
  struct Range {
    char32_t low, high;  // both included
    friend bool operator==(const Range& a, const Range& b) {
      return a.low == b.low && a.high == b.high;
    }
    friend bool operator<(const Range& a, const Range& b) {
      return a.low != b.low ? a.low < b.low : a.high < b.high;
    }
  };

  CharSet() = default;
  CharSet(std::initializer_list<Range> ranges) : CharSet(std::vector<Range>(ranges)) {}
  explicit CharSet(std::vector<Range> ranges);
  static CharSet All() { return CharSet({{0, kLastCodePoint}}); }

  // In ascending order, with a gap between each two.
  absl::Span<const Range> ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool Contains(char32_t c) const;

  CharSet Negated() const;
  CharSet Union(const CharSet& other) const;
  CharSet Intersection(const CharSet& other) const;

  friend bool operator==(const CharSet& a, const CharSet& b) { return a.ranges_ == b.ranges_; }
  friend bool operator<(const CharSet& a, const CharSet& b) { return a.ranges_ < b.ranges_; }

 private:
  std::vector<Range> ranges_;
};

}  // namespace lluda::grammar

#endif  // LLUDA_ENGINE_GRAMMAR_CHAR_SET_H_
