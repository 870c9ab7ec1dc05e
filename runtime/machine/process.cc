#include "runtime/machine/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>

#include "runtime/machine/start_thread.h"

namespace lluda::runtime {
namespace {

// A standard stream that the program was started without is an error to whoever uses it, and no file
// that is opened later takes its number.
void FillStandardStreams() {
  // The wrong way round, so that reading and writing fail as they do without the stream. Each takes
  // the lowest free number: its own.
  constexpr int kWrongModes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) {
      [[maybe_unused]] const int opened = open("/dev/null", kWrongModes[descriptor]);
    }
  }
}

constexpr rlim_t kStackBytes = 8 << 20;

// Whether the stack of this thread may grow as far as is needed.
bool HasStack() {
  rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kStackBytes) return true;
  limit.rlim_cur = std::min(limit.rlim_max, kStackBytes);
  return setrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= kStackBytes;
}

struct Task {
  const std::function<int()>* main;
  sigset_t signals;
  int exit_code;
};

void* RunTask(void* argument) {
  auto* task = static_cast<Task*>(argument);
  pthread_sigmask(SIG_SETMASK, &task->signals, nullptr);
  task->exit_code = (*task->main)();
  return nullptr;
}

// On a thread that has a stack of its own, and takes this thread's signals meanwhile.
int RunOnThread(const std::function<int()>& main) {
  Task task = {&main, {}, 0};
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &task.signals);
  pthread_t thread;
  const bool started = StartThread(&RunTask, &task, &thread) == 0;
  if (started) pthread_join(thread, nullptr);
  pthread_sigmask(SIG_SETMASK, &task.signals, nullptr);
  return started ? task.exit_code : main();
}

}  // namespace

void Die(const char* reason) {
  // Threads run out of memory side by side; the first speaks for all.
  static std::atomic_flag is_dying = ATOMIC_FLAG_INIT;
  while (is_dying.test_and_set()) pause();
  const auto part = [](const char* text) {
    return iovec{const_cast<char*>(text), std::strlen(text)};
  };
  const iovec line[] = {part(program_invocation_short_name), part(": "), part(reason), part("\n")};
  (void)!writev(STDERR_FILENO, line, 4);
  _exit(1);
}

std::string PathBeside(const std::string& name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

int RunProcess(const std::function<int()>& main) {
  FillStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::set_new_handler([] { Die("out of memory"); });
  return HasStack() ? main() : RunOnThread(main);
}

}  // namespace lluda::runtime
