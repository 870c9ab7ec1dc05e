#include "base/files/mapped_file.h"

#include <fcntl.h>
#include <glog/logging.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::base {
namespace {

absl::Status SystemError(const std::string& path, absl::string_view action, int error) {
  const std::string message =
      absl::StrCat(path, ": cannot be ", action, ": ", std::generic_category().message(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    case ENOMEM:  // ulimit -v
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

// Closes a file descriptor on every way out of Open; a mapping outlives its descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// A mapping starts at a page, so that an offset into it is a multiple of this where its page
// starts.
size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const int error = errno;
    struct stat link;
    // Not the same as no file at all: the model has it, elsewhere.
    if (error == ENOENT && lstat(path.c_str(), &link) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": links to a file that is not there"));
    }
    return SystemError(path, "opened", error);
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0) return SystemError(path, "examined", errno);
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is a folder, not a file"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is not a regular file"));
  }
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED)
    return SystemError(path, absl::StrCat("mapped (", size, " bytes)"), errno);
  return MappedFile(static_cast<const std::byte*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

bool MappedFile::Contains(absl::Span<const std::byte> range) const {
  const auto begin = reinterpret_cast<uintptr_t>(data_);
  const auto first = reinterpret_cast<uintptr_t>(range.data());
  return first >= begin && first - begin <= size_ && range.size() <= size_ - (first - begin);
}

void MappedFile::WillNeed(absl::Span<const std::byte> range) const {
  if (range.empty()) return;
  CHECK(Contains(range));
  const size_t offset = static_cast<size_t>(range.data() - data_);
  const size_t begin = offset / PageBytes() * PageBytes();
  madvise(const_cast<std::byte*>(data_) + begin, offset + range.size() - begin, MADV_WILLNEED);
}

void MappedFile::DropPages(absl::Span<const std::byte> range) const {
  if (range.empty()) return;
  CHECK(Contains(range));
  const size_t offset = static_cast<size_t>(range.data() - data_);
  const size_t begin = (offset + PageBytes() - 1) / PageBytes() * PageBytes();
  const size_t end = (offset + range.size()) / PageBytes() * PageBytes();
  if (begin >= end) return;
  // The mapping is read-only, so no page is ever ours alone and nothing is lost.
  madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace lluda::base
