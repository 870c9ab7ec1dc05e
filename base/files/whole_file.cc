#include "base/files/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files/atomic_file.h"
#include "base/status_macros.h"

namespace lluda::base {
namespace {

std::string Reason(absl::string_view file, int error) {
  return absl::StrCat(file, ": ", std::strerror(error));
}

// Far above any prompt or dump, far below what would exhaust memory: a device need not end.
constexpr size_t kMostInput = size_t{1} << 30;

}  // namespace

int WriteAll(int descriptor, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

absl::Status WriteFile(const std::string& path, absl::string_view contents) {
  if (!IsSpecialFile(path)) {
    ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
    file.Append(contents);
    return std::move(file).Commit();
  }
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::UnavailableError(Reason(path, errno));
  int error = WriteAll(descriptor, contents);
  if (close(descriptor) != 0 && error == 0) error = errno;
  return error == 0 ? absl::OkStatus() : absl::UnavailableError(Reason(path, error));
}

absl::Status CheckWritable(const std::string& path) {
  if (IsSpecialFile(path)) {
    // Not opened: a pipe would wait for its reader.
    if (access(path.c_str(), W_OK) != 0) return absl::UnavailableError(Reason(path, errno));
    return absl::OkStatus();
  }
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::UnavailableError(Reason(path, EISDIR));
  }
  // What is begun here is gone again when it is left.
  return AtomicFile::Create(path).status();
}

absl::StatusOr<std::string> ReadInput(const std::string& path) {
  const bool is_stdin = path == "-";
  const std::string label = is_stdin ? "stdin" : path;
  const int descriptor = is_stdin ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) return absl::NotFoundError(Reason(label, errno));
    return absl::FailedPreconditionError(Reason(label, errno));
  }
  std::string text;
  char buffer[1 << 16];
  int error = 0;
  while (true) {
    const ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kMostInput) error = EFBIG;
    if (error != 0) break;
  }
  if (!is_stdin) close(descriptor);
  if (error != 0) return absl::FailedPreconditionError(Reason(label, error));
  return text;
}

}  // namespace lluda::base
