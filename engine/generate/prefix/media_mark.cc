#include "engine/generate/prefix/media_mark.h"

#include <algorithm>

namespace lluda::engine {

int64_t SharedWithMedia(absl::Span<const MediaMark> a, absl::Span<const MediaMark> b,
                        int64_t shared) {
  // Where the two differ first, the one that begins earlier decides.
  const auto first_of = [&](absl::Span<const MediaMark> media, size_t i) {
    return i < media.size() ? media[i].first : shared;
  };
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const bool same = i < a.size() && i < b.size() && a[i].first == b[i].first &&
                      a[i].identity == b[i].identity && a[i].count == b[i].count;
    if (!same) return std::min({shared, first_of(a, i), first_of(b, i)});
  }
  return shared;
}

}  // namespace lluda::engine
