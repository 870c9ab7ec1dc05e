#include "runtime/timeline.h"

#include <chrono>

namespace lluda::runtime {

int64_t Timeline::Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Timeline::Clear() {
  calls_.clear();
  for (Thread& thread : work_) thread.spans.clear();
}

}  // namespace lluda::runtime
