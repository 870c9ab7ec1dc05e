// The recordings of a sound file that are one behind the other, as `cat a.flac b.flac` makes them and
// stations that begin a new stream with each piece. Decoders stop at the end of the first.
//
//   ASSIGN_OR_RETURN(const auto recordings, RecordingsOf(bytes, SoundFormatOf(bytes)));
//   for (const absl::Span<const std::byte> recording : recordings) ...
#ifndef LLUDA_MEDIA_RECORDINGS_H_
#define LLUDA_MEDIA_RECORDINGS_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "media/sound_format.h"

namespace lluda::media {

// At least one, each a whole file of `format`, and together all of the bytes. Errors of OggRecordings.
absl::StatusOr<std::vector<absl::Span<const std::byte>>> RecordingsOf(
    absl::Span<const std::byte> bytes, SoundFormat format);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_RECORDINGS_H_
