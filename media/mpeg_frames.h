// What the headers of an MP3 file's frames say (ISO 11172-3, 13818-3), and the frame without sound in
// front, of encoders that write one, which says how many follow it. libmpg123 stops behind as many.
#ifndef LLUDA_MEDIA_MPEG_FRAMES_H_
#define LLUDA_MEDIA_MPEG_FRAMES_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace lluda::media {

// Whether the first frame is one that says how many follow.
bool MpegLengthIsKnown(absl::Span<const std::byte> mp3);

// The recordings that the file has one behind the other: one more begins with each further frame that
// says how many follow, with the tags before it, and where there are many more frames than were said.
std::vector<absl::Span<const std::byte>> MpegRecordings(absl::Span<const std::byte> mp3);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_MPEG_FRAMES_H_
