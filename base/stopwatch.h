// Measures the stages of something.
//
//   Stopwatch watch;
//   stats.import_seconds = watch.Lap();
//   stats.passes_seconds = watch.Lap();
#ifndef LLUDA_BASE_STOPWATCH_H_
#define LLUDA_BASE_STOPWATCH_H_

#include <chrono>
#include <utility>

namespace lluda::base {

class Stopwatch {
 public:
  // Seconds since the last call, or since construction.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_STOPWATCH_H_
