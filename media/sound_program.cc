#include "media/sound_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/status_macros.h"

namespace lluda::media {
namespace {

constexpr int kRefused = 2;                 // the program's exit code for a file that is no good
constexpr size_t kBlock = size_t{1} << 16;  // bytes read at a time
constexpr size_t kLongestLine = 4096;       // bytes of what it says of an error

// One end of a pipe, closed at the end of the scope.
class PipeEnd {
 public:
  explicit PipeEnd(int descriptor) : descriptor_(descriptor) {}
  ~PipeEnd() { Close(); }
  PipeEnd(const PipeEnd&) = delete;
  PipeEnd& operator=(const PipeEnd&) = delete;

  int get() const { return descriptor_; }
  void Close() {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

absl::Status SystemError(const std::string& program, int error) {
  const std::string reason = absl::StrCat(program, ": cannot be run: ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(reason) : absl::UnavailableError(reason);
}

// Starts `program` with its stdout and stderr in these pipes.
absl::StatusOr<pid_t> Start(const std::string& program, const std::string& file, int out, int err) {
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) {
    return SystemError(program, error);
  }
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::string name = program, argument = file;
  char* const arguments[] = {name.data(), argument.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return SystemError(program, error);
  return child;
}

// What comes next, at most `size` bytes; 0 at the end, or where no more can be read.
size_t ReadSome(int descriptor, void* to, size_t size) {
  for (;;) {
    const ssize_t count = read(descriptor, to, size);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno != EINTR) return 0;
  }
}

// Appends all that comes, or as much as makes `samples` longer than `most`. Returns how many bytes
// there were.
size_t ReadSamples(int descriptor, size_t most, std::vector<float>* samples) {
  size_t bytes = 0;
  while (bytes / sizeof(float) <= most) {
    samples->resize((bytes + kBlock) / sizeof(float));
    const size_t count = ReadSome(descriptor, reinterpret_cast<char*>(samples->data()) + bytes,
                                  kBlock - bytes % sizeof(float));
    bytes += count;
    if (count == 0) break;
  }
  samples->resize(bytes / sizeof(float));
  return bytes;
}

int WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

// What a program that did not end well has said, or how it ended.
absl::Status Failure(const std::string& program, absl::string_view line, int status) {
  line = absl::StripAsciiWhitespace(line);
  if (const size_t colon = line.find(": "); colon != absl::string_view::npos) {
    line.remove_prefix(colon + 2);  // its name
  }
  if (WIFEXITED(status) && !line.empty()) {
    return WEXITSTATUS(status) == kRefused ? absl::InvalidArgumentError(line)
                                           : absl::UnavailableError(line);
  }
  return absl::UnavailableError(
      WIFEXITED(status) ? absl::StrCat(program, ": ended with ", WEXITSTATUS(status))
                        : absl::StrCat(program, ": was ended by signal ", WTERMSIG(status)));
}

}  // namespace

absl::StatusOr<std::vector<float>> ReadSoundWith(const std::string& program,
                                                 const std::string& file,
                                                 const SoundLimits& limits) {
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return SystemError(program, errno);
  PipeEnd from_out(out[0]), to_out(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return SystemError(program, errno);
  PipeEnd from_err(err[0]), to_err(err[1]);
  ASSIGN_OR_RETURN(const pid_t child, Start(program, file, to_out.get(), to_err.get()));
  to_out.Close();
  to_err.Close();
  // Its one line on stderr fits the pipe, so it never waits for that to be read.
  const size_t most = static_cast<size_t>(limits.seconds) * kSampleRate;
  std::vector<float> samples;
  const size_t bytes = ReadSamples(from_out.get(), most, &samples);
  from_out.Close();  // one that writes more than is read ends by that
  std::string line(kLongestLine, '\0');
  line.resize(ReadSome(from_err.get(), line.data(), line.size()));
  from_err.Close();
  const int status = WaitFor(child);
  if (samples.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": is longer than ", limits.seconds, " s, the most that is read"));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Failure(program, line, status);
  if (samples.empty() || bytes % sizeof(float) != 0) {
    return absl::UnavailableError(
        absl::StrCat(program, ": wrote ", bytes, " bytes of samples for ", file));
  }
  return samples;
}

}  // namespace lluda::media
