// The frames of an MP3 file, by libmpg123: libsndfile, which would read it by the same library, lets
// that write lines of its own to stderr.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<FrameSource> source, OpenMp3(bytes));
#ifndef LLUDA_MEDIA_MP3_SOURCE_H_
#define LLUDA_MEDIA_MP3_SOURCE_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "media/frame_source.h"

namespace lluda::media {

// `bytes` must outlive the source. InvalidArgument, libmpg123's reason, if it does not open them.
absl::StatusOr<std::unique_ptr<FrameSource>> OpenMp3(absl::Span<const std::byte> bytes);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_MP3_SOURCE_H_
