#include "runtime/machine/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/files/test_files.h"

namespace lluda::runtime {
namespace {

using base::TemporaryFolder;

TEST(ProcessDeathTest, AReaderThatHasGoneIsNoFailure) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EXIT(std::exit(RunProcess([&] {
                dup2(ends[1], STDOUT_FILENO);
                return write(STDOUT_FILENO, "text", 4) < 0 && errno == EPIPE ? 0 : 1;
              })),
              testing::ExitedWithCode(0), "");
  close(ends[1]);
}

TEST(ProcessDeathTest, AStandardStreamThatIsMissingIsAnErrorAndNoFileTakesItsNumber) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.txt", "text");
  const auto main = [&] {
    if (open(path.c_str(), O_RDWR) <= STDERR_FILENO) return 1;
    if (write(STDOUT_FILENO, "x", 1) >= 0 || errno != EBADF) return 2;
    char byte;
    if (read(STDIN_FILENO, &byte, 1) >= 0 || errno != EBADF) return 3;
    return 0;
  };
  EXPECT_EXIT(
      {
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        std::exit(RunProcess(main));
      },
      testing::ExitedWithCode(0), "");
}

TEST(ProcessDeathTest, MemoryThatCannotBeHadIsOneLine) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's `new` calls no handler";
#endif
  // A call that the compiler may not leave out.
  void* (*volatile allocate)(size_t) = &::operator new;
  EXPECT_EXIT(std::exit(RunProcess([&] { return allocate(SIZE_MAX / 4) == nullptr ? 3 : 4; })),
              testing::ExitedWithCode(1), testing::Eq("process_test: out of memory\n"));
}

TEST(ProcessDeathTest, ThreadsThatFailSideBySideSayOneLine) {
  for (int run = 0; run < 20; ++run) {
    EXPECT_EXIT(
        {
          std::atomic<int> ready{0};
          std::vector<std::thread> threads;
          for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
              ++ready;
              while (ready < 4) {
              }
              Die("out of memory");
            });
          }
          for (std::thread& thread : threads) thread.join();
        },
        testing::ExitedWithCode(1), testing::Eq("process_test: out of memory\n"));
  }
}

}  // namespace
}  // namespace lluda::runtime
