#include "media/sound_format.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::media {
namespace {

constexpr uint32_t kUnknownLength = 0x7fff0000;  // and all above: the writer could not go back
constexpr size_t kRiffHeader = 12;               // "RIFF", length, "WAVE"
constexpr size_t kChunkHeader = 8;               // name, length

// Of at most four bytes.
uint32_t LittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

bool IsWav(absl::string_view text) {
  return (absl::StartsWith(text, "RIFF") || absl::StartsWith(text, "RF64")) &&
         text.size() >= kRiffHeader && text.substr(8, 4) == "WAVE";
}

struct WavChunk {
  absl::string_view name;
  uint32_t length = 0;         // as it says
  absl::string_view contents;  // and all behind them
};

// The chunk that `rest` begins with, which it is left behind.
std::optional<WavChunk> TakeWavChunk(absl::string_view* rest) {
  if (rest->size() < kChunkHeader) return std::nullopt;
  const WavChunk chunk = {rest->substr(0, 4), LittleEndian(rest->substr(4, 4)),
                          rest->substr(kChunkHeader)};
  // Chunks begin at even places.
  const size_t length = size_t{chunk.length} + chunk.length % 2;
  *rest = chunk.contents.substr(std::min(length, chunk.contents.size()));
  return chunk;
}

absl::string_view WavChunks(absl::Span<const std::byte> wav) {
  return TextOf(wav).substr(std::min(kRiffHeader, wav.size()));
}

// The first chunk of that name, none of which is looked for behind the samples.
std::optional<WavChunk> FindWavChunk(absl::Span<const std::byte> wav, absl::string_view name) {
  absl::string_view rest = WavChunks(wav);
  while (const std::optional<WavChunk> chunk = TakeWavChunk(&rest)) {
    if (chunk->name == name) return chunk;
    if (chunk->name == "data") break;
  }
  return std::nullopt;
}

// The eleven bits that every frame of MPEG audio begins with, and a layer (00 is none).
bool IsMpegFrame(absl::string_view text) {
  return text.size() >= 4 && static_cast<uint8_t>(text[0]) == 0xff &&
         (static_cast<uint8_t>(text[1]) & 0xe0) == 0xe0 &&
         (static_cast<uint8_t>(text[1]) & 0x06) != 0;
}

}  // namespace

SoundFormat SoundFormatOf(absl::Span<const std::byte> bytes) {
  const size_t tags = Id3Length(TextOf(bytes));
  const absl::string_view text = TextOf(bytes).substr(tags);
  if (IsWav(text)) return SoundFormat::kWav;
  if (absl::StartsWith(text, "fLaC")) return SoundFormat::kFlac;
  if (absl::StartsWith(text, "OggS")) return SoundFormat::kOgg;
  if (tags > 0 || IsMpegFrame(text)) return SoundFormat::kMp3;
  return SoundFormat::kUnknown;
}

size_t Id3Length(absl::string_view text) {
  constexpr size_t kHeader = 10, kLength = 6;  // bytes; where its last four begin
  size_t tags = 0;
  while (absl::StartsWith(text.substr(tags), "ID3")) {
    size_t length = kHeader;
    if (text.size() - tags >= kHeader) {
      size_t contents = 0;
      for (size_t i = kLength; i < kHeader; ++i) {
        contents = contents << 7 | (static_cast<uint8_t>(text[tags + i]) & 0x7f);
      }
      length += contents;
    }
    tags += std::min(length, text.size() - tags);
  }
  return tags;
}

absl::string_view SoundFormatName(SoundFormat format) {
  constexpr absl::string_view kNames[] = {"unknown", "WAV", "FLAC", "Ogg", "MP3"};
  return kNames[static_cast<size_t>(format)];
}

absl::Status CheckWavLength(absl::Span<const std::byte> bytes) {
  const std::optional<WavChunk> data = FindWavChunk(bytes, "data");
  if (!data) {
    return absl::InvalidArgumentError("is truncated: it ends before its samples begin");
  }
  if (data->length <= data->contents.size() || data->length >= kUnknownLength) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("is truncated: its header promises ", data->length,
                                                 " bytes of samples, and ", data->contents.size(),
                                                 " are there"));
}

size_t NextWav(absl::Span<const std::byte> bytes) {
  absl::string_view rest = WavChunks(bytes);
  while (!IsWav(rest) && TakeWavChunk(&rest)) continue;
  return IsWav(rest) ? bytes.size() - rest.size() : bytes.size();
}

std::optional<WavFormat> WavFormatOf(absl::Span<const std::byte> bytes) {
  constexpr size_t kLength = 16;
  const std::optional<WavChunk> chunk = FindWavChunk(bytes, "fmt ");
  if (!chunk || chunk->contents.size() < kLength) return std::nullopt;
  const absl::string_view text = chunk->contents;
  return WavFormat{static_cast<int>(LittleEndian(text.substr(0, 2))),
                   static_cast<int>(LittleEndian(text.substr(2, 2))),
                   LittleEndian(text.substr(4, 4)),
                   static_cast<int>(LittleEndian(text.substr(14, 2)))};
}

}  // namespace lluda::media
