#include "runtime/machine/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/counting_allocator.h"

namespace lluda::runtime {
namespace {

TEST(ThreadPoolTest, EveryItemRunsExactlyOnceForAnyShape) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    for (const int64_t items : {0, 1, 2, 7, 64, 1001}) {
      for (const int64_t grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> runs(items);
        pool.ParallelFor(items, grain, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) runs[i].fetch_add(1);
        });
        for (int64_t i = 0; i < items; ++i) {
          ASSERT_EQ(runs[i].load(), 1)
              << "item " << i << " of " << items << ", grain " << grain << ", threads " << threads;
        }
      }
    }
  }
}

TEST(ThreadPoolTest, ChunksStartAtMultiplesOfTheGrain) {
  ThreadPool pool(3);
  std::atomic<int> wrong{0};
  pool.ParallelFor(100, 8, [&](int64_t begin, int64_t end, int) {
    const int64_t length = begin == 96 ? 4 : 8;
    if (begin % 8 != 0 || end - begin != length) wrong.fetch_add(1);
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ThreadPoolTest, AThreadGoesThroughItsShareFrontToBackBeforeItHelpsWithOthers) {
  ThreadPool pool(2);
  std::mutex mutex;
  std::vector<std::vector<int64_t>> begins(2);
  pool.ParallelFor(64, 4, [&](int64_t begin, int64_t, int thread) {
    const std::lock_guard<std::mutex> lock(mutex);
    begins[thread].push_back(begin);
  });
  const std::vector<std::vector<int64_t>> own = {{0, 32}, {32, 64}};
  for (int thread = 0; thread < 2; ++thread) {
    if (begins[thread].empty()) continue;  // the worker may come too late for so short a loop
    EXPECT_GE(begins[thread][0], own[thread][0]);
    EXPECT_LT(begins[thread][0], own[thread][1]);
    int turns = 0;  // from an own chunk to another's or back, or backwards
    for (size_t i = 1; i < begins[thread].size(); ++i) {
      turns += begins[thread][i] != begins[thread][i - 1] + 4;
    }
    EXPECT_LE(turns, 1 + static_cast<int>(begins[1 - thread].size())) << "skips taken chunks only";
  }
}

TEST(ThreadPoolTest, WritesAreVisibleAcrossManyShortLoops) {
  ThreadPool pool(4);
  // Plain memory: each loop reads what other threads wrote in the loop before.
  constexpr int kItems = 37;
  std::vector<int64_t> a(kItems, 1), b(kItems, 0);
  for (int round = 0; round < 5000; ++round) {
    pool.ParallelFor(kItems, 2, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) b[i] = a[kItems - 1 - i] + 1;
    });
    std::swap(a, b);
  }
  for (const int64_t value : a) EXPECT_EQ(value, 5001);
}

TEST(ThreadPoolTest, ThreadNumbersAreDistinctAndTheCallerIsZero) {
  ThreadPool pool(3);
  const std::thread::id caller = std::this_thread::get_id();
  std::vector<std::set<std::thread::id>> seen(pool.threads());
  for (int round = 0; round < 200; ++round) {
    pool.ParallelFor(64, 1, [&](int64_t, int64_t, int thread) {
      seen[thread].insert(std::this_thread::get_id());
    });
  }
  EXPECT_EQ(seen[0], std::set<std::thread::id>{caller});
  for (const auto& ids : seen) EXPECT_LE(ids.size(), 1u);
}

TEST(ThreadPoolTest, TwoThreadsWorkAtTheSameTime) {
  ThreadPool pool(2);
  // Each of the two chunks waits until the other has started.
  std::atomic<int> started{0};
  pool.ParallelFor(2, 1, [&](int64_t, int64_t, int) {
    started.fetch_add(1);
    while (started.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(started.load(), 2);
}

TEST(ThreadPoolTest, SleepingWorkersWakeUpForWork) {
  ThreadPool pool(2);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> started{0};
    pool.ParallelFor(2, 1, [&](int64_t, int64_t, int) {
      started.fetch_add(1);
      while (started.load() < 2) std::this_thread::yield();
    });
    EXPECT_EQ(started.load(), 2);
  }
}

TEST(ThreadPoolTest, ASleepingCallerIsWokenByTheLastWorker) {
  ThreadPool pool(2);
  std::atomic<int> started{0};
  std::atomic<bool> worker_done{false};
  pool.ParallelFor(2, 1, [&](int64_t, int64_t, int thread) {
    started.fetch_add(1);
    while (started.load() < 2) std::this_thread::yield();
    if (thread != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      worker_done.store(true);
    }
  });
  EXPECT_TRUE(worker_done.load());
}

TEST(ThreadPoolTest, AnIdlePoolUsesNoProcessorTime) {
  ThreadPool pool(4);
  pool.ParallelFor(100, 1, [](int64_t, int64_t, int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto process_nanoseconds = [] {
    timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * int64_t{1000000000} + time.tv_nsec;
  };
  const int64_t before = process_nanoseconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_LT(process_nanoseconds() - before, 10 * 1000 * 1000);
}

TEST(ThreadPoolTest, SmallLoopsRunWholeOnTheCallerAndAreNotCounted) {
  ThreadPool pool(2);
  int calls = 0;
  pool.ParallelFor(8, 8, [&](int64_t begin, int64_t end, int thread) {
    ++calls;
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 8);
    EXPECT_EQ(thread, 0);
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(pool.parallel_regions(), 0);
  pool.ParallelFor(9, 8, [](int64_t, int64_t, int) {});
  EXPECT_EQ(pool.parallel_regions(), 1);
}

TEST(ThreadPoolTest, OneThreadGetsOneChunkHoweverLong) {
  ThreadPool pool(1);
  int calls = 0;
  pool.ParallelFor(1000, 1, [&](int64_t begin, int64_t end, int) {
    ++calls;
    EXPECT_EQ(end - begin, 1000);
  });
  EXPECT_EQ(calls, 1);
}

TEST(ThreadPoolTest, ALoopAllocatesNothing) {
  ThreadPool pool(2);
  const int64_t before = AllocationCount();
  for (int round = 0; round < 100; ++round) pool.ParallelFor(16, 1, [](int64_t, int64_t, int) {});
  EXPECT_EQ(AllocationCount(), before);
}

TEST(ThreadPoolTest, TwoPoolsWorkSideBySide) {
  std::atomic<int64_t> total{0};
  const auto work = [&total] {
    ThreadPool pool(2);
    for (int round = 0; round < 300; ++round) {
      pool.ParallelFor(16, 1, [&](int64_t begin, int64_t end, int) {
        total.fetch_add(end - begin, std::memory_order_relaxed);
      });
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(total.load(), 2 * 300 * 16);
}

// In a process of its own, which has no room for another stack.
TEST(ThreadPoolDeathTest, WhereNoThreadIsToBeHadTheCallerDoesTheWork) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs addresses";
#endif
  EXPECT_EXIT(
      {
        rlimit none;
        none.rlim_cur = none.rlim_max = 1;
        setrlimit(RLIMIT_AS, &none);
        ThreadPool pool(4);
        int64_t items = 0;
        pool.ParallelFor(10, 1, [&](int64_t begin, int64_t end, int) { items += end - begin; });
        std::fprintf(stderr, "%d %d %s", pool.threads(), static_cast<int>(items),
                     pool.problem().c_str());
        _exit(0);
      },
      testing::ExitedWithCode(0), "1 10 started 1 of 4 threads: .+");
}

TEST(ThreadPoolTest, APoolThatIsWholeHasNoProblem) { EXPECT_EQ(ThreadPool(3).problem(), ""); }

TEST(ThreadPoolDeathTest, ALoopInsideALoopIsABug) {
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.ParallelFor(4, 1, [&](int64_t, int64_t, int) {
          pool.ParallelFor(4, 1, [](int64_t, int64_t, int) {});
        });
      },
      "ParallelFor inside ParallelFor");
}

}  // namespace
}  // namespace lluda::runtime
