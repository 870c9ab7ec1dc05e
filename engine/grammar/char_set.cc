#include "engine/grammar/char_set.h"

#include <algorithm>

namespace lluda::grammar {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kLastSurrogate = 0xDFFF;

}  // namespace

CharSet::CharSet(std::vector<Range> ranges) {
  std::vector<Range> valid;
  for (const Range& range : ranges) {
    const Range below = {range.low, std::min<char32_t>(range.high, kFirstSurrogate - 1)};
    const Range above = {std::max<char32_t>(range.low, kLastSurrogate + 1),
                         std::min(range.high, kLastCodePoint)};
    if (below.low <= below.high) valid.push_back(below);
    if (above.low <= above.high) valid.push_back(above);
  }
  std::sort(valid.begin(), valid.end());
  for (const Range& range : valid) {
    if (!ranges_.empty() && range.low <= ranges_.back().high + 1) {
      ranges_.back().high = std::max(ranges_.back().high, range.high);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool CharSet::Contains(char32_t c) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), c,
                                      [](char32_t x, const Range& range) { return x < range.low; });
  return after != ranges_.begin() && c <= (after - 1)->high;
}

CharSet CharSet::Negated() const {
  std::vector<Range> gaps;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.low > next) gaps.push_back({next, range.low - 1});
    next = range.high + 1;
  }
  if (next <= kLastCodePoint) gaps.push_back({next, kLastCodePoint});
  return CharSet(std::move(gaps));
}

CharSet CharSet::Union(const CharSet& other) const {
  std::vector<Range> all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  return CharSet(std::move(all));
}

CharSet CharSet::Intersection(const CharSet& other) const {
  std::vector<Range> shared;
  for (size_t i = 0, j = 0; i < ranges_.size() && j < other.ranges_.size();) {
    const Range& a = ranges_[i];
    const Range& b = other.ranges_[j];
    const Range both = {std::max(a.low, b.low), std::min(a.high, b.high)};
    if (both.low <= both.high) shared.push_back(both);
    ++(a.high < b.high ? i : j);
  }
  return CharSet(std::move(shared));
}

}  // namespace lluda::grammar
