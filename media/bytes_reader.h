// A file in memory, to be read and sought in as the libraries of sound formats want to.
#ifndef LLUDA_MEDIA_BYTES_READER_H_
#define LLUDA_MEDIA_BYTES_READER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "absl/types/span.h"

namespace lluda::media {

class BytesReader {
 public:
  explicit BytesReader(absl::Span<const std::byte> bytes) : bytes_(bytes) {}

  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }
  int64_t at() const { return at_; }

  // Where it is then; -1 for a place outside the file, and it stays where it was.
  int64_t Seek(int64_t offset, int whence) {
    const int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? at_ : size();
    int64_t to = 0;
    if (__builtin_add_overflow(from, offset, &to) || to < 0 || to > size()) return -1;
    return at_ = to;
  }

  // How many bytes there were.
  int64_t Read(void* out, int64_t count) {
    count = std::clamp<int64_t>(count, 0, size() - at_);
    if (count > 0) std::memcpy(out, bytes_.data() + at_, static_cast<size_t>(count));
    at_ += count;
    return count;
  }

 private:
  absl::Span<const std::byte> bytes_;
  int64_t at_ = 0;
};

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_BYTES_READER_H_
