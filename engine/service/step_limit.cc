#include "engine/service/step_limit.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/stopwatch.h"

namespace lluda::engine {
namespace {

constexpr int64_t kMostBytes = int64_t{256} << 20;
constexpr int64_t kPieceBytes = int64_t{256} << 10;  // of a thread at a time
constexpr int64_t kAhead = 4096;                     // what is asked for before it is read
constexpr double kLeastSeconds = 0.02;  // of all rounds: what holds up one leaves another as it is
constexpr int kLeastRounds = 2;

// As many bytes as a line of the cache has, in whichever registers the compiler may use.
using Line = uint64_t __attribute__((vector_size(64)));

uint64_t SumOf(const char* bytes, int64_t size) {
  Line sums = {};
  for (int64_t i = 0; i < size; i += static_cast<int64_t>(sizeof(Line))) {
    __builtin_prefetch(bytes + i + kAhead);
    Line line;
    std::memcpy(&line, bytes + i, sizeof(line));
    sums += line;
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < sizeof(Line) / sizeof(uint64_t); ++i) sum += sums[i];
  return sum;
}

}  // namespace

double StepLimit::Seconds(absl::Span<const int64_t> held) const {
  double bytes = reads_.weights;
  for (const StepReads::Cache& cache : reads_.caches) {
    for (const int64_t positions : held) {
      bytes +=
          cache.bytes * static_cast<double>(std::min(positions, cache.window.value_or(positions)));
    }
  }
  return bytes / rate_;
}

double ReadRate(absl::Span<const char> bytes, runtime::ThreadPool* pool) {
  const int64_t pieces = std::min(static_cast<int64_t>(bytes.size()), kMostBytes) / kPieceBytes;
  if (pieces == 0) return 0;
  std::atomic<uint64_t> sum{0};  // so that no reading is left out
  double least = 0, all = 0;
  for (int round = 0; round < kLeastRounds || all < kLeastSeconds; ++round) {
    base::Stopwatch watch;
    pool->ParallelFor(pieces, 1, [&](int64_t begin, int64_t end, int /*thread*/) {
      sum += SumOf(bytes.data() + begin * kPieceBytes, (end - begin) * kPieceBytes);
    });
    const double seconds = watch.Lap();
    least = round == 0 ? seconds : std::min(least, seconds);
    all += seconds;
  }
  return least > 0 ? static_cast<double>(pieces * kPieceBytes) / least : 0;
}

}  // namespace lluda::engine
