// What a decoder makes of a sound file: frames of interleaved samples, as they come.
#ifndef LLUDA_MEDIA_FRAME_SOURCE_H_
#define LLUDA_MEDIA_FRAME_SOURCE_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lluda::media {

struct FrameShape {
  int channels = 0;
  int rate = 0;                   // Hz
  std::optional<int64_t> frames;  // that the file promises
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;

  // Of a damaged header any numbers.
  virtual const FrameShape& shape() const = 0;

  // Fills the first frames of `out`, which has room for whole ones, and says how many: 0 at the end.
  // InvalidArgument, the decoder's reason, for what it could not decode.
  virtual absl::StatusOr<int64_t> Read(absl::Span<float> out) = 0;
};

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_FRAME_SOURCE_H_
