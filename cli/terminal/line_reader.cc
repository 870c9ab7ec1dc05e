#include "cli/terminal/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lluda::cli {
namespace {

// Far above any message, far below what would exhaust memory: a device need not have a line's end.
constexpr size_t kMostMegabytes = 64;

std::string WithoutReturn(std::string line) {
  if (absl::EndsWith(line, "\r")) line.pop_back();
  return line;
}

}  // namespace

// A terminal drops what was typed when Ctrl-C comes, even after poll has told of it: a read that
// waits would then sleep through the signal. Others share the descriptor, so it is not made
// non-blocking; the terminal is opened once more. Should that fail, a second Ctrl-C helps.
LineReader::LineReader(int descriptor, const runtime::Interrupt* interrupt)
    : descriptor_(descriptor), interrupt_(interrupt) {
  if (isatty(descriptor) != 1) return;
  own_descriptor_ = open(absl::StrCat("/proc/self/fd/", descriptor).c_str(),
                         O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own_descriptor_ >= 0) descriptor_ = own_descriptor_;
}

LineReader::~LineReader() {
  if (own_descriptor_ >= 0) close(own_descriptor_);
}

absl::StatusOr<LineReader::Event> LineReader::Next(std::string* line) {
  size_t searched = 0;
  while (true) {
    if (interrupt_->flag()->load()) return Event::kInterrupted;
    if (const size_t end = read_.find('\n', searched); end != std::string::npos) {
      *line = WithoutReturn(read_.substr(0, end));
      read_.erase(0, end + 1);
      return Event::kLine;
    }
    searched = read_.size();
    if (searched > kMostMegabytes << 20) {
      return absl::FailedPreconditionError(
          absl::StrCat("stdin: a line is longer than ", kMostMegabytes, " MiB"));
    }
    if (ended_) {
      if (read_.empty()) return Event::kEnd;
      *line = WithoutReturn(std::exchange(read_, ""));
      return Event::kLine;
    }
    // Not read() alone: a signal between the look at the flag and the wait would be slept through.
    pollfd waited[] = {{descriptor_, POLLIN, 0}, {interrupt_->descriptor(), POLLIN, 0}};
    if (poll(waited, 2, /*timeout=*/-1) < 0) continue;
    if (waited[1].revents != 0) {
      interrupt_->Drain();
      continue;
    }
    char buffer[1 << 16];
    const ssize_t got = read(descriptor_, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      return absl::FailedPreconditionError(absl::StrCat("stdin: ", std::strerror(errno)));
    }
    ended_ = got == 0;
    read_.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace lluda::cli
