#include "serve/workers.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <utility>

#include "base/stopwatch.h"
#include "runtime/machine/start_thread.h"

namespace lluda::serve {
namespace {

constexpr int kNiceness = 5;
constexpr int kLargeBuffer = 1 << 20;   // bytes
constexpr int64_t kMuchMore = 8 << 20;  // bytes
// Work that takes as long may have taken much memory; its answer goes, and its line is written, in what
// follows.
constexpr double kLongSeconds = 0.001;
constexpr int kLooks = 8;

// Of memory that this process has; 0 if the system does not say.
int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  return file >> all >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

// Gives back to the system what a large request has left free between what is in use: malloc would
// keep it, for each thread. `resident` is what there was when it was last looked at, or less.
void ReturnMemory(int64_t* resident) {
  int64_t now = ResidentBytes();
  if (now > *resident + kMuchMore) {
    malloc_trim(0);
    now = ResidentBytes();
  } else {
    now = std::min(now, *resident);
  }
  *resident = now;
}

}  // namespace

void KeepNoLargeBuffers() {
  mallopt(M_MMAP_THRESHOLD, kLargeBuffer);
  mallopt(M_TRIM_THRESHOLD, kLargeBuffer);
}

absl::StatusOr<std::unique_ptr<Workers>> Workers::Create(int threads) {
  std::unique_ptr<Workers> workers(new Workers());
  for (int i = 0; i < threads; ++i) {
    pthread_t thread;
    if (runtime::StartThread(&Workers::ThreadMain, workers.get(), &thread) != 0) {
      return absl::ResourceExhaustedError("the system gives no thread");
    }
    workers->threads_.push_back(thread);
  }
  return workers;
}

void Workers::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
  threads_.clear();
}

void Workers::Post(std::function<void()> work) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_ending_) return;
    waiting_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void* Workers::ThreadMain(void* workers) {
  // Of this thread alone, on Linux.
  setpriority(PRIO_PROCESS, 0, kNiceness);
  static_cast<Workers*>(workers)->Run();
  return nullptr;
}

void Workers::Run() {
  int64_t resident = ResidentBytes();
  int looks = 0;  // at the memory, that are still to come
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    base::Stopwatch watch;
    work();
    work = nullptr;  // what it holds is let go outside the lock
    if (watch.Lap() >= kLongSeconds) looks = kLooks;
    if (looks > 0) {
      ReturnMemory(&resident);
      --looks;
    }
    lock.lock();
  }
}

}  // namespace lluda::serve
