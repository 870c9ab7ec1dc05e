// What a sound file is, by its first bytes, and whether a WAV file is as long as it says: what is
// looked at before any decoder sees the bytes.
//
//   SoundFormatOf(bytes)             // SoundFormat::kFlac
//   CheckWavLength(bytes)            // "promises 88200 bytes of samples and has 1000"
//   WavFormatOf(bytes)->channels     // 2
#ifndef LLUDA_MEDIA_SOUND_FORMAT_H_
#define LLUDA_MEDIA_SOUND_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::media {

enum class SoundFormat : uint8_t { kUnknown, kWav, kFlac, kOgg, kMp3 };

// Of what follows ID3 tags, if it begins with any; kMp3 if nothing that is known does.
SoundFormat SoundFormatOf(absl::Span<const std::byte> bytes);

inline absl::string_view TextOf(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The bytes of the ID3v2 tags that `text` begins with; 0: none.
size_t Id3Length(absl::string_view text);

absl::string_view SoundFormatName(SoundFormat format);  // "WAV"

// Whether the samples that the header promises are there. A length of 2 GiB less 64 KiB or more, which
// programs that write into a pipe put there, promises nothing. InvalidArgument, without the file's
// name. `bytes` are a WAV file's.
absl::Status CheckWavLength(absl::Span<const std::byte> bytes);

// How a WAV file says that its samples are written.
struct WavFormat {
  int tag = 0;  // 1: whole numbers, 3: floats; others: RFC 2361
  int channels = 0;
  int64_t rate = 0;  // Hz
  int bits = 0;      // of a sample
};

// None if the file ends before it says so, or has samples before.
std::optional<WavFormat> WavFormatOf(absl::Span<const std::byte> bytes);

// Where another WAV file begins behind the chunks of this one; the number of bytes if none does.
size_t NextWav(absl::Span<const std::byte> bytes);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SOUND_FORMAT_H_
