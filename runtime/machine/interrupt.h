// Ctrl-C as a flag: while an Interrupt is alive, the first SIGINT or SIGTERM sets the flag and the
// second one ends the process as if nobody had asked. One that was ignored when the program started
// stays ignored: nohup, and a script's `&`, spare a program that way.
//
//   Interrupt interrupt;
//   options.cancel = interrupt.flag();
//   ... generate ...
//   if (interrupt.flag()->load()) return kInterruptedExitCode;
#ifndef LLUDA_RUNTIME_MACHINE_INTERRUPT_H_
#define LLUDA_RUNTIME_MACHINE_INTERRUPT_H_

#include <signal.h>

#include <array>
#include <atomic>

namespace lluda::runtime {

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

  // A descriptor that is readable once the flag is set: who polls it beside others does not sleep
  // through a signal that came just before. It may be readable for a signal from before Reset, too:
  // Drain it, then look at the flag.
  int descriptor() const { return descriptor_; }
  void Drain() const;

  // Until the flag is set.
  void Wait() const;

  // Clears the flag, so that the next signal is a first one again.
  void Reset();

 private:
  int descriptor_;
  std::array<struct sigaction, 2> saved_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_INTERRUPT_H_
