// A file mapped read-only into memory, unmapped when the object goes away.
//
// Only regular files are mapped: a folder, a FIFO or a device such as /dev/zero is refused without
// being read. The mapping is of the file's size at the time of opening. A file that another process
// shortens while it is mapped ends this process with SIGBUS when a lost page is touched; a file
// that is replaced by renaming another one over it (as downloaders do) is safe.
//
//   absl::StatusOr<MappedFile> file = MappedFile::Open("model.safetensors");
//   if (!file.ok()) return file.status();   // "model.safetensors: is a folder, not a file"
//   Parse(file->bytes());
#ifndef LLUDA_BASE_FILES_MAPPED_FILE_H_
#define LLUDA_BASE_FILES_MAPPED_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lluda::base {

class MappedFile {
 public:
  // NotFound if nothing is there, FailedPrecondition if it is not a regular file or cannot be read,
  // ResourceExhausted if the process has no room for its addresses (`ulimit -v`) or its descriptor.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  // The file's contents; the address does not change when the object is moved.
  absl::Span<const std::byte> bytes() const { return {data_, size_}; }
  absl::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  bool Contains(absl::Span<const std::byte> range) const;

  // Both take a range of bytes() and are hints: the contents stay the same.
  // Starts reading the pages that `range` touches.
  void WillNeed(absl::Span<const std::byte> range) const;
  // Gives back the memory of the pages that lie wholly inside `range`; touching them reads again.
  void DropPages(absl::Span<const std::byte> range) const;

 private:
  MappedFile(const std::byte* data, size_t size) : data_(data), size_(size) {}

  const std::byte* data_ = nullptr;  // null for an empty file
  size_t size_ = 0;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_MAPPED_FILE_H_
