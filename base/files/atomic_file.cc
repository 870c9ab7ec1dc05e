#include "base/files/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lluda::base {
namespace {

absl::Status FileError(const std::string& path, int error) {
  return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(error)));
}

// The umask can only be read by setting it, which other threads would see; the kernel tells it,
// too.
mode_t Umask() {
  mode_t mask = 022;
  if (FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    unsigned int value = 0;
    while (std::fgets(line, sizeof(line), status) != nullptr) {
      if (std::sscanf(line, "Umask: %o", &value) == 1) mask = static_cast<mode_t>(value);
    }
    std::fclose(status);
  }
  return mask;
}

// What a link leads to; the path itself if it is none, or leads nowhere.
std::string TargetOf(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
  char* const resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string target = resolved;
  std::free(resolved);
  return target;
}

}  // namespace

bool IsSpecialFile(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path, mode_t mode) {
  if (IsSpecialFile(path)) {
    return absl::UnavailableError(absl::StrCat(path, ": is not a regular file"));
  }
  const std::string target = TargetOf(path);
  std::string temporary = absl::StrCat(target, ".tmp-XXXXXX");
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) return FileError(path, errno);
  AtomicFile file(path, target, std::move(temporary), descriptor);
  if (fchmod(descriptor, mode & ~Umask()) != 0) file.Fail(errno);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      status_(std::move(other.status_)) {}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::Fail(int error) {
  if (status_.ok()) status_ = FileError(path_, error);
}

void AtomicFile::Append(absl::string_view bytes) {
  Overwrite(size_, bytes);
  size_ += bytes.size();
}

void AtomicFile::Overwrite(uint64_t offset, absl::string_view bytes) {
  while (status_.ok() && !bytes.empty()) {
    const ssize_t written =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Fail(written < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

void AtomicFile::PadTo(uint64_t alignment) {
  Append(std::string((alignment - size_ % alignment) % alignment, '\0'));
}

absl::Status AtomicFile::Commit() && {
  // Some file systems tell of a full disk only here.
  if (close(std::exchange(descriptor_, -1)) != 0) Fail(errno);
  if (status_.ok() && std::rename(temporary_.c_str(), target_.c_str()) != 0) Fail(errno);
  if (status_.ok()) temporary_.clear();
  return status_;
}

}  // namespace lluda::base
