#include "media/recordings.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "media/mpeg_frames.h"
#include "media/ogg_pages.h"

namespace lluda::media {
namespace {

using Recordings = std::vector<absl::Span<const std::byte>>;

constexpr size_t kFlacMagic = 4;

// Where the frames of a FLAC stream begin: behind the blocks that say what it is.
size_t FlacFrames(absl::string_view flac) {
  constexpr size_t kBlockHeader = 4;  // the last block's first bit, its type, and 3 bytes of length
  size_t at = kFlacMagic;
  while (at + kBlockHeader <= flac.size()) {
    size_t length = 0;
    for (size_t i = 1; i < kBlockHeader; ++i) {
      length = length << 8 | static_cast<uint8_t>(flac[at + i]);
    }
    const bool is_last = (static_cast<uint8_t>(flac[at]) & 0x80) != 0;
    at += kBlockHeader + length;
    if (is_last) break;
  }
  return std::min(at, flac.size());
}

// The magic and the header of the block that has to follow it, STREAMINFO of 34 bytes, which is the
// last one or not: no eight bytes of a frame, but for a chance of one in 2^63.
size_t NextFlac(absl::string_view flac) {
  constexpr absl::string_view kMore("fLaC\0\0\0\x22", 8), kLast("fLaC\x80\0\0\x22", 8);
  const size_t frames = FlacFrames(flac);
  return std::min({flac.find(kMore, frames), flac.find(kLast, frames), flac.size()});
}

Recordings FlacRecordings(absl::Span<const std::byte> flac) {
  Recordings recordings;
  while (!flac.empty()) {
    const size_t length = NextFlac(TextOf(flac));
    recordings.push_back(flac.first(length));
    flac.remove_prefix(length);
  }
  return recordings;
}

Recordings WavRecordings(absl::Span<const std::byte> wav) {
  Recordings recordings;
  while (!wav.empty()) {
    const size_t length = NextWav(wav);
    recordings.push_back(wav.first(length));
    wav.remove_prefix(length);
  }
  return recordings;
}

}  // namespace

absl::StatusOr<Recordings> RecordingsOf(absl::Span<const std::byte> bytes, SoundFormat format) {
  switch (format) {
    case SoundFormat::kWav:
      return WavRecordings(bytes);
    case SoundFormat::kFlac:
      return FlacRecordings(bytes);
    case SoundFormat::kOgg:
      return OggRecordings(bytes);
    case SoundFormat::kMp3:
      return MpegRecordings(bytes);
    case SoundFormat::kUnknown:
      break;
  }
  return Recordings{bytes};
}

}  // namespace lluda::media
