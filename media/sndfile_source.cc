#include "media/sndfile_source.h"

#include <sndfile.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "media/bytes_reader.h"

namespace lluda::media {
namespace {

// A FLAC file's magic, the header of its first block, and in that block, STREAMINFO, the number of its
// frames: the lower 36 bits of 5 bytes.
constexpr size_t kFlacTotal = 21, kFlacTotalBytes = 5;
constexpr std::byte kFlacTotalHigh{0x0f};

// A file in memory, as libsndfile wants to read it. Of a FLAC file it does not see how many frames
// there are to be, or it would read no more of them than that.
class Reader {
 public:
  Reader(absl::Span<const std::byte> bytes, SoundFormat format) : bytes_(bytes) {
    if (format != SoundFormat::kFlac || bytes.size() < kFlacTotal + kFlacTotalBytes) return;
    std::copy_n(bytes.begin() + kFlacTotal, kFlacTotalBytes, total_.begin());
    total_[0] &= kFlacTotalHigh;
    hides_total_ = true;
  }

  // Of a FLAC file, unless it does not say.
  std::optional<int64_t> promised() const {
    int64_t frames = 0;
    for (const std::byte byte : total_) frames = frames << 8 | std::to_integer<int64_t>(byte);
    return frames == 0 ? std::nullopt : std::optional<int64_t>(frames);
  }

  static SF_VIRTUAL_IO Calls() {
    return {[](void* reader) -> sf_count_t { return Of(reader)->bytes_.size(); },
            [](sf_count_t offset, int whence, void* reader) -> sf_count_t {
              return Of(reader)->bytes_.Seek(offset, whence);
            },
            [](void* out, sf_count_t count, void* reader) -> sf_count_t {
              return Of(reader)->Read(out, count);
            },
            [](const void*, sf_count_t, void*) -> sf_count_t { return 0; },
            [](void* reader) -> sf_count_t { return Of(reader)->bytes_.at(); }};
  }

 private:
  static Reader* Of(void* reader) { return static_cast<Reader*>(reader); }

  sf_count_t Read(void* out, sf_count_t count) {
    const auto begin = static_cast<size_t>(bytes_.at());
    const sf_count_t read = bytes_.Read(out, count);
    if (!hides_total_) return read;
    const size_t end = std::min(begin + static_cast<size_t>(read), kFlacTotal + kFlacTotalBytes);
    for (size_t at = std::max(begin, kFlacTotal); at < end; ++at) {
      auto& byte = static_cast<std::byte*>(out)[at - begin];
      byte = at == kFlacTotal ? byte & ~kFlacTotalHigh : std::byte{0};
    }
    return read;
  }

  BytesReader bytes_;
  bool hides_total_ = false;
  std::array<std::byte, kFlacTotalBytes> total_ = {};
};

// libsndfile's text of an error, as the end of a line.
absl::string_view Reason(int error) {
  absl::string_view text = sf_error_number(error);
  absl::ConsumePrefix(&text, "Internal error : ");
  absl::ConsumePrefix(&text, "Error : ");
  absl::ConsumeSuffix(&text, ".");
  return text;
}

class SndfileSource final : public FrameSource {
 public:
  SndfileSource(absl::Span<const std::byte> bytes, SoundFormat format) : reader_(bytes, format) {}

  absl::Status Open() {
    SF_VIRTUAL_IO calls = Reader::Calls();
    SF_INFO info = {};
    // Why a file is not opened libsndfile keeps in a variable that all threads share.
    static std::mutex* opening = new std::mutex;
    const std::lock_guard<std::mutex> lock(*opening);
    file_.reset(sf_open_virtual(&calls, SFM_READ, &info, &reader_));
    if (file_ == nullptr) return absl::InvalidArgumentError(Reason(sf_error(nullptr)));
    shape_ = {info.channels, info.samplerate, reader_.promised()};
    if (info.frames != SF_COUNT_MAX) shape_.frames = info.frames;
    return absl::OkStatus();
  }

  const FrameShape& shape() const override { return shape_; }

  absl::StatusOr<int64_t> Read(absl::Span<float> out) override {
    const auto most = static_cast<sf_count_t>(out.size()) / shape_.channels;
    const sf_count_t read = std::max<sf_count_t>(sf_readf_float(file_.get(), out.data(), most), 0);
    frames_ += read;
    const int error = sf_error(file_.get());
    // What others append to a FLAC stream, as tags, is none of it.
    const bool is_whole = reader_.promised() == frames_;
    if (read > 0 || error == SF_ERR_NO_ERROR || is_whole) return read;
    return absl::InvalidArgumentError(Reason(error));
  }

 private:
  struct Close {
    void operator()(SNDFILE* file) const { sf_close(file); }
  };

  Reader reader_;
  std::unique_ptr<SNDFILE, Close> file_;
  FrameShape shape_;
  int64_t frames_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrameSource>> OpenWithSndfile(absl::Span<const std::byte> bytes,
                                                             SoundFormat format) {
  auto source = std::make_unique<SndfileSource>(bytes, format);
  if (absl::Status status = source->Open(); !status.ok()) return status;
  return source;
}

}  // namespace lluda::media
