#include "runtime/machine/thread_pool.h"

#include <glog/logging.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/machine/start_thread.h"

namespace lluda::runtime {
namespace {

// Longer than the gap between two regions of a decode step, shorter than anyone notices when the
// core is wanted by somebody else.
constexpr std::chrono::microseconds kSpinTime(50);
constexpr int kPausesPerClockRead = 32;
constexpr uint64_t kOneEpoch = uint64_t{1} << 32;

uint32_t Epoch(uint64_t gate) { return static_cast<uint32_t>(gate >> 32); }
uint32_t WorkersInside(uint64_t gate) { return static_cast<uint32_t>(gate); }
bool IsOpen(uint64_t gate) { return (Epoch(gate) & 1) != 0; }

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as `done()` is; false when the spin time has passed.
template <typename Done>
bool SpinUntil(const Done& done) {
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

// The kernel wants the address of a plain 32-bit word.
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void FutexWait(std::atomic<uint32_t>* word, uint32_t expected) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAIT_PRIVATE, expected, nullptr);
}

void Ring(std::atomic<uint32_t>* word, int sleepers) {
  word->fetch_add(1);
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), FUTEX_WAKE_PRIVATE, sleepers);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  CHECK_GE(threads, 1);
  // Workers keep pointers into this vector, so it must not grow.
  workers_.resize(threads - 1);
  shares_ = std::vector<Share>(threads);
  int started = 0;
  for (Worker& worker : workers_) {
    worker.pool = this;
    worker.index = started + 1;
    const int error = StartThread(&WorkerMain, &worker, &worker.handle);
    if (error != 0) {
      problem_ = absl::StrCat("started ", started + 1, " of ", threads,
                              " threads: ", std::strerror(error));
      break;
    }
    ++started;
  }
  workers_.resize(started);
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  Ring(&work_bell_, INT_MAX);
  for (const Worker& worker : workers_) pthread_join(worker.handle, nullptr);
}

void ThreadPool::ParallelFor(int64_t items, int64_t grain, Body body, void* context) {
  CHECK_GE(grain, 1);
  if (items <= 0) return;
  if (items <= grain || workers_.empty()) {
    body(context, 0, items, 0);
    return;
  }
  CHECK(!busy_.exchange(true, std::memory_order_acquire)) << "ParallelFor inside ParallelFor";
  regions_.fetch_add(1, std::memory_order_relaxed);
  items_ = items;
  grain_ = grain;
  body_ = body;
  context_ = context;
  chunks_ = (items - 1) / grain + 1;
  CHECK_LE(chunks_, int64_t{UINT32_MAX});
  // Open the gate, then look for sleepers. A worker does it the other way round: it counts itself
  // as a sleeper, then looks at the gate. Both in sequentially consistent order, so at least one of
  // them sees the other and no wake-up is lost.
  const uint32_t epoch = Epoch(gate_.fetch_add(kOneEpoch) + kOneEpoch);
  if (sleeping_workers_.load() > 0) {
    const int64_t chunks_for_others = chunks_ - 1;
    Ring(&work_bell_, static_cast<int>(std::min<int64_t>(chunks_for_others, workers_.size())));
  }
  RunChunks(/*thread=*/0, epoch);
  // All chunks are taken. Whoever has not joined by now is not waited for.
  gate_.fetch_add(kOneEpoch);
  WaitForWorkers();
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::RunChunks(int thread, uint32_t epoch) {
  const int64_t items = items_, grain = grain_;
  const int shares = static_cast<int>(shares_.size());
  for (int i = 0; i < shares; ++i) {
    const int share = (thread + i) % shares;
    for (int64_t chunk; (chunk = TakeChunk(share, epoch)) >= 0;) {
      const int64_t begin = chunk * grain;
      body_(context_, begin, begin + std::min(grain, items - begin), thread);
    }
  }
}

int64_t ThreadPool::TakeChunk(int share, uint32_t epoch) {
  const auto shares = static_cast<int64_t>(shares_.size());
  const int64_t first = chunks_ * share / shares;
  const int64_t count = chunks_ * (share + 1) / shares - first;
  std::atomic<uint64_t>& taken = shares_[share].taken;
  uint64_t seen = taken.load(std::memory_order_relaxed);
  for (;;) {
    const uint64_t next = Epoch(seen) == epoch ? static_cast<uint32_t>(seen) : 0;
    if (static_cast<int64_t>(next) >= count) return -1;
    // What a chunk reads and writes is ordered by the gate, not here.
    if (taken.compare_exchange_weak(seen, (uint64_t{epoch} << 32) | (next + 1),
                                    std::memory_order_relaxed)) {
      return first + static_cast<int64_t>(next);
    }
  }
}

void ThreadPool::WaitForWorkers() {
  const auto all_left = [this] { return WorkersInside(gate_.load()) == 0; };
  while (!SpinUntil(all_left)) {
    caller_sleeps_.store(true);
    const uint32_t bell = done_bell_.load();
    if (!all_left()) FutexWait(&done_bell_, bell);
    caller_sleeps_.store(false);
  }
}

void* ThreadPool::WorkerMain(void* worker) {
  const auto* self = static_cast<const Worker*>(worker);
  self->pool->WorkerLoop(self->index);
  return nullptr;
}

void ThreadPool::WorkerLoop(int thread) {
  uint32_t finished_epoch = 0;
  for (;;) {
    uint64_t gate = WaitForRegion(finished_epoch);
    if (stop_.load(std::memory_order_relaxed)) return;
    // Join only if the region is still the one that was seen open.
    if (!gate_.compare_exchange_strong(gate, gate + 1)) continue;
    RunChunks(thread, Epoch(gate));
    finished_epoch = Epoch(gate);
    const uint64_t left = gate_.fetch_sub(1) - 1;
    if (!IsOpen(left) && WorkersInside(left) == 0 && caller_sleeps_.load()) Ring(&done_bell_, 1);
  }
}

// Returns the gate with an open region other than the finished one, or anything once the pool
// stops.
uint64_t ThreadPool::WaitForRegion(uint32_t finished_epoch) {
  uint64_t gate = 0;
  const auto ready = [&] {
    gate = gate_.load();
    return (IsOpen(gate) && Epoch(gate) != finished_epoch) || stop_.load();
  };
  while (!SpinUntil(ready)) {
    sleeping_workers_.fetch_add(1);
    const uint32_t bell = work_bell_.load();
    if (!ready()) FutexWait(&work_bell_, bell);
    sleeping_workers_.fetch_sub(1);
  }
  return gate;
}

}  // namespace lluda::runtime
