#include "media/sound_format.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::media {
namespace {

constexpr uint32_t kUnknownLength = 0x7fff0000;  // and all above: the writer could not go back
constexpr size_t kRiffHeader = 12;               // "RIFF", length, "WAVE"
constexpr size_t kChunkHeader = 8;               // name, length

absl::string_view Text(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

uint32_t LittleEndian(absl::string_view four) {
  uint32_t value = 0;
  for (size_t i = 4; i > 0; --i) value = value << 8 | static_cast<uint8_t>(four[i - 1]);
  return value;
}

// The eleven bits that every frame of MPEG audio begins with, and a layer (00 is none).
bool IsMpegFrame(absl::string_view text) {
  return text.size() >= 4 && static_cast<uint8_t>(text[0]) == 0xff &&
         (static_cast<uint8_t>(text[1]) & 0xe0) == 0xe0 &&
         (static_cast<uint8_t>(text[1]) & 0x06) != 0;
}

}  // namespace

SoundFormat SoundFormatOf(absl::Span<const std::byte> bytes) {
  const absl::string_view text = Text(bytes);
  const bool is_riff = absl::StartsWith(text, "RIFF") || absl::StartsWith(text, "RF64");
  if (is_riff && text.size() >= kRiffHeader && text.substr(8, 4) == "WAVE")
    return SoundFormat::kWav;
  if (absl::StartsWith(text, "fLaC")) return SoundFormat::kFlac;
  if (absl::StartsWith(text, "OggS")) return SoundFormat::kOgg;
  if (absl::StartsWith(text, "ID3") || IsMpegFrame(text)) return SoundFormat::kMp3;
  return SoundFormat::kUnknown;
}

absl::string_view SoundFormatName(SoundFormat format) {
  constexpr absl::string_view kNames[] = {"unknown", "WAV", "FLAC", "Ogg", "MP3"};
  return kNames[static_cast<size_t>(format)];
}

absl::Status CheckWavLength(absl::Span<const std::byte> bytes) {
  absl::string_view rest = Text(bytes).substr(std::min(kRiffHeader, bytes.size()));
  while (rest.size() >= kChunkHeader) {
    const absl::string_view name = rest.substr(0, 4);
    const uint32_t length = LittleEndian(rest.substr(4, 4));
    rest.remove_prefix(kChunkHeader);
    if (name == "data") {
      if (length <= rest.size() || length >= kUnknownLength) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("is truncated: its header promises ", length,
                                                     " bytes of samples, and ", rest.size(),
                                                     " are there"));
    }
    // Chunks begin at even places.
    rest.remove_prefix(std::min<size_t>(size_t{length} + length % 2, rest.size()));
  }
  return absl::InvalidArgumentError("is truncated: it ends before its samples begin");
}

}  // namespace lluda::media
