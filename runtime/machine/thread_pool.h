// A fixed set of threads that run one loop at a time, made for loops that last microseconds.
//
//   ThreadPool pool(/*threads=*/4);
//   pool.ParallelFor(/*items=*/rows, /*grain=*/8, [&](int64_t begin, int64_t end, int thread) {
//     for (int64_t row = begin; row < end; ++row) Normalise(row, scratch[thread]);
//   });
//
// The caller is one of the threads. Each thread has a share of the items and goes through it in
// chunks of `grain`, front to back, so that what it reads is one stream; when it is done it helps
// with the other shares. A thread that shares its core with a busy neighbour therefore holds up the
// loop by one chunk at most, and a worker that does not wake up in time is not waited for at all.
// Which thread runs a chunk is not fixed: a result must not depend on it.
//
// Waiting is a bounded spin, then a futex sleep, on both sides: workers that wait for a loop, and
// the caller that waits for the last chunk. An idle pool uses no CPU time. No call allocates.
#ifndef LLUDA_RUNTIME_MACHINE_THREAD_POOL_H_
#define LLUDA_RUNTIME_MACHINE_THREAD_POOL_H_

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace lluda::runtime {

class ThreadPool {
 public:
  // Runs items [begin, end) on thread `thread`, 0 <= thread < threads(); 0 is the caller.
  using Body = void (*)(void* context, int64_t begin, int64_t end, int thread);

  // `threads` counts the caller and is at least 1. If the system refuses to start some of them, the
  // pool works with those it got; threads() says how many, problem() why.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  // "started 2 of 4 threads: Resource temporarily unavailable"; empty if all were started.
  const std::string& problem() const { return problem_; }

  // Runs `body` over [0, items) in chunks of `grain` items (at least 1; the last may be shorter)
  // and returns when all are done. Everything the caller wrote before is visible to the chunks, and
  // everything they wrote is visible to the caller after. One caller at a time, and `body` must not
  // call ParallelFor of the same pool. With items <= grain, or one thread, the caller runs
  // body(context, 0, items, 0) itself.
  void ParallelFor(int64_t items, int64_t grain, Body body, void* context);

  // The same for a callable f(begin, end, thread).
  template <typename F>
  void ParallelFor(int64_t items, int64_t grain, const F& f) {
    ParallelFor(
        items, grain,
        [](void* context, int64_t begin, int64_t end, int thread) {
          (*static_cast<const F*>(context))(begin, end, thread);
        },
        const_cast<F*>(&f));
  }

  // How many loops were shared between threads so far; those the caller ran alone are not counted.
  int64_t parallel_regions() const { return regions_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kCacheLine = 64;

  struct Worker {
    ThreadPool* pool;
    int index;
    pthread_t handle;
  };

  static void* WorkerMain(void* worker);
  void WorkerLoop(int thread);
  // Of the region opened with this epoch: own share first, then the others'.
  void RunChunks(int thread, uint32_t epoch);
  // Takes the next chunk of a share; -1 when none is left.
  int64_t TakeChunk(int share, uint32_t epoch);
  uint64_t WaitForRegion(uint32_t finished_epoch);
  void WaitForWorkers();

  // High half: epoch, odd while a region is open to join. Low half: workers inside the region.
  alignas(kCacheLine) std::atomic<uint64_t> gate_{0};
  // How many chunks of a share are taken. High half: the epoch this is about; with any other epoch
  // there, none is.
  struct alignas(kCacheLine) Share {
    std::atomic<uint64_t> taken{0};
  };
  std::vector<Share> shares_;
  // The open region. Written by the caller only while the gate is closed and nobody is inside.
  alignas(kCacheLine) int64_t items_ = 0;
  int64_t grain_ = 1;
  int64_t chunks_ = 0;
  Body body_ = nullptr;
  void* context_ = nullptr;
  // Futex words, changed on each wake-up, and who may be asleep on them.
  alignas(kCacheLine) std::atomic<uint32_t> work_bell_{0};
  std::atomic<uint32_t> done_bell_{0};
  std::atomic<int> sleeping_workers_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> stop_{false};
  std::atomic<bool> busy_{false};
  std::atomic<int64_t> regions_{0};
  std::vector<Worker> workers_;
  std::string problem_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_THREAD_POOL_H_
