#include "runtime/timeline.h"

#include <chrono>
#include <cmath>

namespace lluda::runtime {

int64_t Timeline::Now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Timeline::AddRegion(const Region& region) {
  regions_.push_back(region);
  std::vector<int64_t> work(region.calls, 1);  // so that there is always some
  for (const Thread& thread : work_) {
    for (auto span = thread.spans.rbegin(); span != thread.spans.rend(); ++span) {
      if (span->begin < region.begin) break;
      work[span->call - region.call] += span->end - span->begin;
    }
  }
  double all = 0, before = 0;
  for (const int64_t nanoseconds : work) all += static_cast<double>(nanoseconds);
  int64_t begin = region.begin;
  for (uint32_t i = 0; i < region.calls; ++i) {
    before += static_cast<double>(work[i]);
    const double end = static_cast<double>(region.end - region.begin) * (before / all);
    const int64_t rounded = i + 1 == region.calls ? region.end : region.begin + std::llround(end);
    calls_.push_back({region.call + i, begin, rounded});
    begin = rounded;
  }
}

void Timeline::Clear() {
  regions_.clear();
  calls_.clear();
  for (Thread& thread : work_) thread.spans.clear();
}

}  // namespace lluda::runtime
