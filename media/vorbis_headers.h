// Whether the headers of an Ogg Vorbis file can be read, without libsndfile: of a file that it refuses
// for its headers, libsndfile 1.2.0 leaves 6 kB behind.
//
//   if (!VorbisHeadersAreRead(bytes)) return absl::InvalidArgumentError("...");
#ifndef LLUDA_MEDIA_VORBIS_HEADERS_H_
#define LLUDA_MEDIA_VORBIS_HEADERS_H_

#include <cstddef>

#include "absl/types/span.h"

namespace lluda::media {

// Whether libvorbis reads the three headers of the file's first stream; true for one that is no Vorbis,
// as Opus.
bool VorbisHeadersAreRead(absl::Span<const std::byte> ogg);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_VORBIS_HEADERS_H_
