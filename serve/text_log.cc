#include "serve/text_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files/owner_only.h"
#include "base/status_macros.h"

namespace lluda::serve {

absl::StatusOr<std::function<void(const std::string&)>> OpenTextLog(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const std::shared_ptr<const int> owner(new int(file), [](const int* descriptor) {
    close(*descriptor);
    delete descriptor;
  });
  struct stat status = {};
  if (fstat(file, &status) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  RETURN_IF_ERROR(base::CheckOwnerOnly(path, status));
  return [owner](const std::string& line) {
    [[maybe_unused]] const ssize_t written = write(*owner, line.data(), line.size());
  };
}

}  // namespace lluda::serve
