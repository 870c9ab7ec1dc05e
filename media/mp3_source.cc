#include "media/mp3_source.h"

#include <mpg123.h>

#include <cstdint>

#include "absl/status/status.h"
#include "media/bytes_reader.h"
#include "media/mpeg_frames.h"

namespace lluda::media {
namespace {

class Mp3Source final : public FrameSource {
 public:
  explicit Mp3Source(absl::Span<const std::byte> bytes) : bytes_(bytes), reader_(bytes) {}

  absl::Status Open() {
    // Of the versions that need it each call writes the same into the same tables: once is enough.
    static const int initialised = mpg123_init();
    int error = initialised;
    if (error == MPG123_OK) decoder_.reset(mpg123_new(nullptr, &error));
    if (decoder_ == nullptr) return absl::InvalidArgumentError(mpg123_plain_strerror(error));
    mpg123_handle* mp3 = decoder_.get();
    constexpr long kAdded =
        MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS | MPG123_NO_FRANKENSTEIN;
    long rate = 0;
    int encoding = 0;
    if (mpg123_param(mp3, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0) != MPG123_OK ||
        mpg123_param(mp3, MPG123_ADD_FLAGS, kAdded, 0) != MPG123_OK ||
        mpg123_replace_reader_handle(mp3, Read, Seek, nullptr) != MPG123_OK ||
        mpg123_open_handle(mp3, &reader_) != MPG123_OK ||
        mpg123_getformat(mp3, &rate, &shape_.channels, &encoding) != MPG123_OK ||
        mpg123_format(mp3, rate, shape_.channels, MPG123_ENC_FLOAT_32) != MPG123_OK) {
      return Failure();
    }
    shape_.rate = static_cast<int>(rate);
    // Else libmpg123 guesses it from the file's size.
    if (MpegLengthIsKnown(bytes_)) shape_.frames = mpg123_length(mp3);
    return absl::OkStatus();
  }

  const FrameShape& shape() const override { return shape_; }

  absl::StatusOr<int64_t> Read(absl::Span<float> out) override {
    size_t bytes = 0;
    const int error = mpg123_read(decoder_.get(), out.data(), out.size() * sizeof(float), &bytes);
    const auto frames = static_cast<int64_t>(bytes / sizeof(float)) / shape_.channels;
    if (frames > 0 || error == MPG123_OK || error == MPG123_DONE) return frames;
    if (error == MPG123_NEW_FORMAT) {
      return absl::InvalidArgumentError("the rate or the number of channels changes there");
    }
    return Failure();
  }

 private:
  struct Delete {
    void operator()(mpg123_handle* decoder) const { mpg123_delete(decoder); }
  };

  static ssize_t Read(void* reader, void* out, size_t count) {
    return static_cast<BytesReader*>(reader)->Read(out, static_cast<int64_t>(count));
  }
  static off_t Seek(void* reader, off_t offset, int whence) {
    return static_cast<BytesReader*>(reader)->Seek(offset, whence);
  }

  absl::Status Failure() const {
    const int error = mpg123_errcode(decoder_.get());
    // Bytes in memory can always be read: there are too few.
    if (error == MPG123_ERR_READER || error == MPG123_LSEEK_FAILED) {
      return absl::InvalidArgumentError("there is no whole frame of MPEG audio");
    }
    return absl::InvalidArgumentError(mpg123_strerror(decoder_.get()));
  }

  absl::Span<const std::byte> bytes_;
  BytesReader reader_;
  std::unique_ptr<mpg123_handle, Delete> decoder_;
  FrameShape shape_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrameSource>> OpenMp3(absl::Span<const std::byte> bytes) {
  auto source = std::make_unique<Mp3Source>(bytes);
  if (absl::Status status = source->Open(); !status.ok()) return status;
  return source;
}

}  // namespace lluda::media
