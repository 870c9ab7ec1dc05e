#include "runtime/machine/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace lluda::runtime {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

// A signal handler has no context: what it uses has to be global.
std::atomic<bool> interrupted{false};
std::atomic<int> wake_descriptor{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler must not lock");

void OnSignal(int number) {
  const int saved_errno = errno;
  if (interrupted.exchange(true)) {
    signal(number, SIG_DFL);
    raise(number);  // it is delivered when this handler returns
  }
  const uint64_t one = 1;
  // Should it fail, the reader is woken by the signal itself, unless another thread got that.
  [[maybe_unused]] const ssize_t written = write(wake_descriptor.load(), &one, sizeof one);
  errno = saved_errno;
}

bool IsIgnored(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Interrupt::Interrupt() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  interrupted.store(false);
  wake_descriptor.store(descriptor_);
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;  // a slow write is not cut short
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &saved_[i]);
    if (!IsIgnored(saved_[i])) sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &saved_[i], nullptr);
  wake_descriptor.store(-1);
  if (descriptor_ >= 0) close(descriptor_);
}

const std::atomic<bool>* Interrupt::flag() const { return &interrupted; }

void Interrupt::Drain() const {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = read(descriptor_, &count, sizeof count);
}

void Interrupt::Wait() const {
  pollfd waited = {descriptor_, POLLIN, 0};
  while (!interrupted.load()) {
    poll(&waited, 1, -1);
    if (!interrupted.load()) Drain();
  }
}

void Interrupt::Reset() {
  interrupted.store(false);
  Drain();
}

}  // namespace lluda::runtime
