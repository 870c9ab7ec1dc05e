// The frames of a WAV, FLAC or Ogg file, by libsndfile.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<FrameSource> source, OpenWithSndfile(bytes, SoundFormat::kWav));
#ifndef LLUDA_MEDIA_SNDFILE_SOURCE_H_
#define LLUDA_MEDIA_SNDFILE_SOURCE_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "media/frame_source.h"
#include "media/sound_format.h"

namespace lluda::media {

// `bytes` must outlive the source. InvalidArgument, libsndfile's reason, if it does not open them.
absl::StatusOr<std::unique_ptr<FrameSource>> OpenWithSndfile(absl::Span<const std::byte> bytes,
                                                             SoundFormat format);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SNDFILE_SOURCE_H_
