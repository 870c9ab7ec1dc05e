// What a sound file is, by its first bytes, and whether a WAV file is as long as it says: what is
// looked at before any decoder sees the bytes.
//
//   SoundFormatOf(bytes)             // SoundFormat::kFlac
//   CheckWavLength(bytes)            // "promises 88200 bytes of samples and has 1000"
#ifndef LLUDA_MEDIA_SOUND_FORMAT_H_
#define LLUDA_MEDIA_SOUND_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::media {

enum class SoundFormat : uint8_t { kUnknown, kWav, kFlac, kOgg, kMp3 };

// kMp3 also for a file that begins with ID3 tags, whatever follows them.
SoundFormat SoundFormatOf(absl::Span<const std::byte> bytes);

absl::string_view SoundFormatName(SoundFormat format);  // "WAV"

// Whether the samples that the header promises are there. A length of 2 GiB less 64 KiB or more, which
// programs that write into a pipe put there, promises nothing. InvalidArgument, without the file's
// name. `bytes` are a WAV file's.
absl::Status CheckWavLength(absl::Span<const std::byte> bytes);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SOUND_FORMAT_H_
