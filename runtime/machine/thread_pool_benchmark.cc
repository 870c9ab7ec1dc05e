// What a parallel region costs when its body does nothing: the time between two kernels.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {
namespace {

void BM_EmptyRegion(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  const int64_t chunks = state.range(1);
  while (state.KeepRunning()) {
    pool.ParallelFor(chunks, 1,
                     [](int64_t begin, int64_t, int) { benchmark::DoNotOptimize(begin); });
  }
}
BENCHMARK(BM_EmptyRegion)
    ->ArgNames({"threads", "chunks"})
    ->Args({1, 16})
    ->Args({2, 2})
    ->Args({2, 16})
    ->Args({2, 256})
    ->UseRealTime();

}  // namespace
}  // namespace lluda::runtime
