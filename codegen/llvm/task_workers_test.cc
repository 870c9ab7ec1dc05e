#include "codegen/llvm/task_workers.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using llvm::orc::makeGenericNamedTask;

TEST(TaskWorkersTest, RunsAllTasksBeforeShutdownReturns) {
  for (const int threads : {0, 1, 3}) {
    std::atomic<int> done{0};
    TaskWorkers workers(threads);
    EXPECT_EQ(workers.threads(), threads);
    for (int i = 0; i < 100; ++i) workers.dispatch(makeGenericNamedTask([&] { ++done; }));
    workers.shutdown();
    EXPECT_EQ(done.load(), 100) << threads;
  }
}

TEST(TaskWorkersTest, ATaskMayDispatchOthers) {
  for (const int threads : {0, 1, 2}) {
    std::atomic<int> done{0};
    TaskWorkers workers(threads);
    workers.dispatch(makeGenericNamedTask([&] {
      workers.dispatch(makeGenericNamedTask([&] {
        workers.dispatch(makeGenericNamedTask([&] { ++done; }));
        ++done;
      }));
      ++done;
    }));
    workers.shutdown();
    EXPECT_EQ(done.load(), 3) << threads;
  }
}

TEST(TaskWorkersTest, WithoutThreadsTheCallerRunsThem) {
  TaskWorkers workers(0);
  std::thread::id ran;
  workers.dispatch(makeGenericNamedTask([&] { ran = std::this_thread::get_id(); }));
  EXPECT_EQ(ran, std::this_thread::get_id());
}

TEST(TaskWorkersTest, WhenItsThreadsHaveEndedTheCallerRunsWhatComes) {
  std::atomic<int> done{0};
  TaskWorkers workers(2);
  for (int i = 0; i < 50; ++i) workers.dispatch(makeGenericNamedTask([&] { ++done; }));
  workers.EndThreads();
  EXPECT_EQ(done.load(), 50);
  EXPECT_EQ(workers.threads(), 0);
  std::thread::id ran;
  workers.dispatch(makeGenericNamedTask([&] { ran = std::this_thread::get_id(); }));
  EXPECT_EQ(ran, std::this_thread::get_id());
}

// In a process of its own, which has no room for another stack.
TEST(TaskWorkersDeathTest, WhereNoThreadIsToBeHadTheCallerRunsThem) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer itself needs addresses";
#endif
  EXPECT_EXIT(
      {
        rlimit none;
        none.rlim_cur = none.rlim_max = 1;
        setrlimit(RLIMIT_AS, &none);
        TaskWorkers workers(4);
        int done = 0;
        workers.dispatch(makeGenericNamedTask([&] { ++done; }));
        workers.shutdown();
        _exit(workers.threads() == 0 && done == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lluda::codegen
