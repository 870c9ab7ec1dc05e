#include "cli/terminal/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace lluda::cli {
namespace {

std::string Reason(absl::string_view file, int error) {
  return absl::StrCat(file, ": ", std::strerror(error));
}

// 0, or the errno of what failed.
int WriteAll(int descriptor, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

void PrepareStandardStreams() {
  std::signal(SIGPIPE, SIG_IGN);
  // The wrong way round, so that reading and writing fail as they do without the stream. Each takes
  // the lowest free number: its own.
  constexpr int kWrongModes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      [[maybe_unused]] const int opened = open("/dev/null", kWrongModes[descriptor]);
    }
  }
}

bool IsTerminal(int descriptor) { return isatty(descriptor) == 1; }

absl::Status WriteStdout(absl::string_view text) {
  const int error = WriteAll(STDOUT_FILENO, text);
  if (error == EPIPE) return absl::CancelledError(Reason("stdout", error));
  return error == 0 ? absl::OkStatus() : absl::UnavailableError(Reason("stdout", error));
}

absl::Status WriteFile(const std::string& path, absl::string_view contents) {
  std::string temporary = absl::StrCat(path, ".XXXXXX");
  const int descriptor = mkstemp(temporary.data());
  if (descriptor < 0) return absl::UnavailableError(Reason(path, errno));
  int error = WriteAll(descriptor, contents);
  // mkstemp's 0600 is for secrets; a dump is read by others.
  if (error == 0 && fchmod(descriptor, 0644) != 0) error = errno;
  if (close(descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return absl::UnavailableError(Reason(path, error));
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
  }
  if (!is_stdin) close(descriptor);
  if (error != 0) return absl::FailedPreconditionError(Reason(label, error));
  return text;
}

}  // namespace lluda::cli
