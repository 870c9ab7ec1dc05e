// Sounds for tests: tones, and whole files of each format in memory.
//
//   const std::string file = EncodedSound({SoundFormat::kFlac, 44100, 2}, Tone(440, 44100, 1.5));
#ifndef LLUDA_MEDIA_TEST_SOUNDS_H_
#define LLUDA_MEDIA_TEST_SOUNDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::media {

enum class Encoding { kWav16, kWavFloat, kWavMulaw, kFlac, kVorbis, kOpus, kMp3 };
inline constexpr Encoding kEncodings[] = {
    Encoding::kWav16,  Encoding::kWavFloat, Encoding::kWavMulaw, Encoding::kFlac,
    Encoding::kVorbis, Encoding::kOpus,     Encoding::kMp3};

struct FileShape {
  Encoding encoding = Encoding::kWav16;
  int rate = 16000;
  int channels = 1;
};

// A sine of this frequency and loudness, in Hz and 0..1.
std::vector<float> Tone(double hertz, int rate, double seconds, double loudness = 0.5);

// A file that has `mono` in each channel.
std::string EncodedSound(const FileShape& shape, absl::Span<const float> mono);

inline absl::Span<const std::byte> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_TEST_SOUNDS_H_
