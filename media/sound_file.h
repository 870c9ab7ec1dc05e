// Sound files as the samples that models hear: 16 kHz, one channel, f32 in -1..1. WAV, FLAC, Ogg
// Vorbis, Opus and MP3 are read, of any rate and number of channels.
//
//   absl::StatusOr<std::vector<float>> sound = ReadSoundFile("talk.mp3", {});
//   if (!sound.ok()) return sound.status();   // "talk.mp3: sample 17 of channel 2 is not a number"
//   sound->size() / kSampleRate               // seconds
//
// Channels are averaged, then resampled (media/resampler.h). A sound that is louder than 1 is divided
// by its largest sample, as the processors of the released models do; all others keep their samples.
#ifndef LLUDA_MEDIA_SOUND_FILE_H_
#define LLUDA_MEDIA_SOUND_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "media/sound.h"  // IWYU pragma: export

namespace lluda::media {

// The file's samples. Beside the errors of base::MappedFile::Open, for what is not there or not a
// file, InvalidArgument, one line that names the file: if it is of no format that is read here, is
// damaged or truncated, says of itself what does not fit what it holds, has samples that are not
// numbers, no samples, or more than the limit, which is checked before their memory is taken.
absl::StatusOr<std::vector<float>> ReadSoundFile(const std::string& path,
                                                 const SoundLimits& limits);

// The same of a file's bytes; `name` is what errors call it.
absl::StatusOr<std::vector<float>> ReadSound(absl::string_view name,
                                             absl::Span<const std::byte> bytes,
                                             const SoundLimits& limits);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SOUND_FILE_H_
