#include "cli/process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/machine/start_thread.h"

namespace lluda::cli {
namespace {

constexpr rlim_t kStackBytes = 8 << 20;

// A descriptor that is closed would be the next file's: a bundle would hold what stderr is told.
// What is put there instead fails as a closed one does, read or written.
void HoldStandardFiles() {
  for (const auto& [descriptor, mode] :
       {std::pair(STDIN_FILENO, O_WRONLY), {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_RDONLY}}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest number that is free is this one.
    (void)!open("/dev/null", mode);
  }
}

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
  const bool started = runtime::StartThread(&RunTask, &task, &thread) == 0;
  if (started) pthread_join(thread, nullptr);
  pthread_sigmask(SIG_SETMASK, &task.signals, nullptr);
  return started ? task.exit_code : main();
}

}  // namespace

void Die(const char* reason) {
  const auto part = [](const char* text) {
    return iovec{const_cast<char*>(text), std::strlen(text)};
  };
  const iovec line[] = {part(program_invocation_short_name), part(": "), part(reason), part("\n")};
  (void)!writev(STDERR_FILENO, line, 4);
  _exit(1);
}

int RunProcess(const std::function<int()>& main) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  HoldStandardFiles();
  std::set_new_handler([] { Die("out of memory"); });
  return HasStack() ? main() : RunOnThread(main);
}

}  // namespace lluda::cli
