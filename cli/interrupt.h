// Ctrl-C as a flag: while an Interrupt is alive, the first SIGINT or SIGTERM sets the flag and the
// second one ends the process as if nobody had asked.
//
//   Interrupt interrupt;
//   options.cancel = interrupt.flag();
//   ... generate ...
//   if (interrupt.flag()->load()) return kInterruptedExitCode;
#ifndef LLUDA_CLI_INTERRUPT_H_
#define LLUDA_CLI_INTERRUPT_H_

#include <signal.h>

#include <atomic>

namespace lluda::cli {

// What shells report for a program that SIGINT ended: 128 + 2.
inline constexpr int kInterruptedExitCode = 130;

// One at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  const std::atomic<bool>* flag() const;

 private:
  struct sigaction saved_int_;
  struct sigaction saved_term_;
};

}  // namespace lluda::cli

#endif  // LLUDA_CLI_INTERRUPT_H_
