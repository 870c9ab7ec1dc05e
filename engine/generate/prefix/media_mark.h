// What of a prompt's media tells prompts apart: where each begins, how long it is, and which it is.
#ifndef LLUDA_ENGINE_GENERATE_PREFIX_MEDIA_MARK_H_
#define LLUDA_ENGINE_GENERATE_PREFIX_MEDIA_MARK_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace lluda::engine {

struct MediaMark {
  int64_t first = 0;  // the token that it begins at
  int64_t count = 0;  // of tokens
  std::string identity;
};

// How many of the first `shared` tokens, which two prompts have in common, they also have the same
// media for.
int64_t SharedWithMedia(absl::Span<const MediaMark> a, absl::Span<const MediaMark> b,
                        int64_t shared);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PREFIX_MEDIA_MARK_H_
