#include "runtime/machine/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::runtime {
namespace {

constexpr size_t kBlock = size_t{1} << 16;  // bytes read at a time
constexpr size_t kErrorBytes = 4096;        // that are kept of stderr

// A pipe, whose ends are closed at the end of the scope.
class Pipe {
 public:
  ~Pipe() {
    CloseReader();
    CloseWriter();
  }
  // 0, or the errno.
  int Open() { return pipe2(ends_, O_CLOEXEC) == 0 ? 0 : errno; }

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseReader() { Close(&ends_[0]); }
  void CloseWriter() { Close(&ends_[1]); }

 private:
  static void Close(int* end) {
    if (*end >= 0) close(*end);
    *end = -1;
  }

  int ends_[2] = {-1, -1};
};

absl::Status SystemError(const std::string& program, int error) {
  const std::string reason = absl::StrCat(program, ": cannot be run: ", std::strerror(error));
  return error == ENOENT ? absl::NotFoundError(reason) : absl::UnavailableError(reason);
}

// Starts the program with its stdout and stderr in these pipes. A signal that this process ignores
// (process.h) ends the program as it would end any other.
int Start(const std::vector<std::string>& command, const Pipe& out, const Pipe& err, pid_t* child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (const int error = posix_spawn_file_actions_init(&actions); error != 0) return error;
  if (const int error = posix_spawnattr_init(&attributes); error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.writer(), STDERR_FILENO);
  sigset_t ignored;
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  sigaddset(&ignored, SIGXFSZ);
  posix_spawnattr_setsigdefault(&attributes, &ignored);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const int error =
      posix_spawnp(child, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Reads a part into `to`; nothing at the end, or where no more can be read.
absl::string_view ReadPart(int descriptor, std::string* to) {
  to->resize(kBlock);
  ssize_t count = 0;
  do {
    count = read(descriptor, to->data(), to->size());
  } while (count < 0 && errno == EINTR);
  return {to->data(), count < 0 ? 0 : static_cast<size_t>(count)};
}

// Reads both pipes until both have ended.
void ReadBoth(const std::function<bool(absl::string_view)>& output, Pipe* out, Pipe* err,
              std::string* errors) {
  std::string part;
  while (out->reader() >= 0 || err->reader() >= 0) {
    // A pipe that is closed has a negative descriptor, which poll leaves out.
    pollfd ready[] = {{out->reader(), POLLIN, 0}, {err->reader(), POLLIN, 0}};
    if (poll(ready, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (ready[0].revents != 0) {
      const absl::string_view read = ReadPart(out->reader(), &part);
      if (read.empty() || !output(read)) out->CloseReader();
    }
    if (ready[1].revents != 0) {
      const absl::string_view read = ReadPart(err->reader(), &part);
      if (read.empty()) err->CloseReader();
      absl::StrAppend(errors, read);
      if (errors->size() > kErrorBytes) errors->erase(0, errors->size() - kErrorBytes);
    }
  }
}

}  // namespace

absl::StatusOr<ProgramEnd> RunProgram(const std::vector<std::string>& command,
                                      const std::function<bool(absl::string_view)>& output) {
  Pipe out, err;
  pid_t child = 0;
  int error = out.Open();
  if (error == 0) error = err.Open();
  if (error == 0) error = Start(command, out, err, &child);
  if (error != 0) return SystemError(command[0], error);
  out.CloseWriter();
  err.CloseWriter();
  ProgramEnd end;
  ReadBoth(output, &out, &err, &end.errors);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  end.how = WIFEXITED(status) ? absl::StrCat("ended with ", WEXITSTATUS(status))
                              : absl::StrCat("was ended by signal ", WTERMSIG(status));
  return end;
}

}  // namespace lluda::runtime
