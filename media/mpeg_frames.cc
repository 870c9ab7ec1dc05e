#include "media/mpeg_frames.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "media/sound_format.h"

namespace lluda::media {
namespace {

constexpr size_t kFrameHeader = 4;
// Half a second. Encoders differ in whether they count the first frame, and what is cut off the end of
// a file is no recording.
constexpr int64_t kFewFrames = 20;

uint8_t Byte(absl::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

struct Frame {
  size_t length = 0;              // bytes
  std::optional<int64_t> follow;  // how many frames it says follow it; 0: some
};

// The frames that "Xing" or "Info" in a frame counts. libmpg123 takes it for that if all before it,
// behind the frame's header, is 0.
std::optional<int64_t> FollowingFrames(absl::string_view frame, size_t silence) {
  const size_t tag = kFrameHeader + silence;
  constexpr size_t kTag = 12;  // its name, flags, and the first number, that of frames
  if (frame.size() < tag + kTag) return std::nullopt;
  const absl::string_view name = frame.substr(tag, 4);
  if (name != "Xing" && name != "Info") return std::nullopt;
  if (frame.substr(kFrameHeader, silence).find_first_not_of('\0') != absl::string_view::npos) {
    return std::nullopt;
  }
  if ((Byte(frame, tag + 7) & 1) == 0) return 0;
  int64_t count = 0;
  for (size_t i = 8; i < kTag; ++i) count = count << 8 | Byte(frame, tag + i);
  return count;
}

// The frame of layer III that `text` begins with.
std::optional<Frame> FrameAt(absl::string_view text) {
  if (text.size() < kFrameHeader) return std::nullopt;
  const int version = Byte(text, 1) >> 3 & 3;  // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const bool is_layer_3 = (Byte(text, 1) >> 1 & 3) == 1;
  if (Byte(text, 0) != 0xff || Byte(text, 1) < 0xe0 || version == 1 || !is_layer_3) {
    return std::nullopt;
  }
  constexpr int kKilobits[2][16] = {
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}};
  constexpr int kHertz[] = {44100, 48000, 32000, 0};
  const bool is_mpeg_1 = version == 3;
  const int kilobits = kKilobits[is_mpeg_1 ? 1 : 0][Byte(text, 2) >> 4];
  const int hertz = kHertz[Byte(text, 2) >> 2 & 3] / (is_mpeg_1 ? 1 : version == 2 ? 2 : 4);
  if (kilobits == 0 || hertz == 0) return std::nullopt;
  const int padding = Byte(text, 2) >> 1 & 1;
  Frame frame;
  frame.length = static_cast<size_t>((is_mpeg_1 ? 144 : 72) * kilobits * 1000 / hertz + padding);
  const bool is_mono = Byte(text, 3) >> 6 == 3;
  const bool has_checksum = (Byte(text, 1) & 1) == 0;
  const size_t side = is_mpeg_1 ? (is_mono ? 17 : 32) : (is_mono ? 9 : 17);
  frame.follow = FollowingFrames(text.substr(0, frame.length), side + (has_checksum ? 2 : 0));
  return frame;
}

// A frame that another one or the end follows: one alone may be chance.
std::optional<Frame> SureFrameAt(absl::string_view text) {
  const std::optional<Frame> frame = FrameAt(text);
  if (!frame || frame->length > text.size()) return std::nullopt;
  const absl::string_view rest = text.substr(frame->length);
  return rest.empty() || absl::StartsWith(rest, "ID3") || FrameAt(rest) ? frame : std::nullopt;
}

}  // namespace

bool MpegLengthIsKnown(absl::Span<const std::byte> mp3) {
  const absl::string_view text = TextOf(mp3);
  const std::optional<Frame> frame = FrameAt(text.substr(Id3Length(text)));
  return frame && frame->follow.value_or(0) > 0;
}

std::vector<absl::Span<const std::byte>> MpegRecordings(absl::Span<const std::byte> mp3) {
  const absl::string_view text = TextOf(mp3);
  std::vector<absl::Span<const std::byte>> recordings;
  size_t begin = 0;                    // of the recording
  bool has_frames = false;             // of any kind
  int64_t sounding = 0, promised = 0;  // frames; 0: none are
  size_t unpromised = 0;               // where the first frame begins that is one too many
  const auto begin_next = [&](size_t next) {
    recordings.push_back(mp3.subspan(begin, next - begin));
    begin = next;
    promised = 0;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t front = at;
    at += Id3Length(text.substr(at));
    const std::optional<Frame> frame = SureFrameAt(text.substr(at));
    if (!frame) {
      at = std::max(at, front + 1);
      continue;
    }
    if (frame->follow) {
      if (has_frames) begin_next(front);
      sounding = 0;
      promised = *frame->follow;
    } else {
      ++sounding;
      if (sounding == promised + 1) unpromised = front;
      if (promised > 0 && sounding == promised + kFewFrames) begin_next(unpromised);
    }
    has_frames = true;
    at += frame->length;
  }
  recordings.push_back(mp3.subspan(begin));
  return recordings;
}

}  // namespace lluda::media
