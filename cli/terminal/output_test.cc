#include "cli/terminal/output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/test_files.h"

namespace lluda::cli {
namespace {

using base::TemporaryFolder;

TEST(OutputTest, AFileIsReplacedAsAWholeAndReadableByOthers) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.txt", "old and longer");
  ASSERT_TRUE(WriteFile(path, "new").ok());
  EXPECT_EQ(*ReadInput(path), "new");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(OutputTest, AFailedWriteLeavesNothingBehind) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.PathOf("taken"));
  folder.Write("taken/x", "");
  EXPECT_EQ(WriteFile(folder.PathOf("taken"), "text").message(),
            folder.PathOf("taken") + ": Is a directory");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(WriteFile(folder.PathOf("none/x"), "text").message(),
            folder.PathOf("none/x") + ": No such file or directory");
}

TEST(OutputTest, WhatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadInput(folder.PathOf("x")).status(),
            absl::NotFoundError(folder.PathOf("x") + ": No such file or directory"));
  EXPECT_EQ(ReadInput(folder.path()).status(),
            absl::FailedPreconditionError(folder.path() + ": Is a directory"));
}

TEST(OutputTest, AReaderThatHasGoneIsNoFailure) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EXIT(
      {
        PrepareStandardStreams();
        dup2(ends[1], STDOUT_FILENO);
        std::exit(absl::IsCancelled(WriteStdout("text")) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  close(ends[1]);
}

TEST(OutputTest, AStandardStreamThatIsMissingIsAnErrorAndNoFileTakesItsNumber) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.txt", "text");
  EXPECT_EXIT(
      {
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        PrepareStandardStreams();
        if (open(path.c_str(), O_RDWR) <= STDERR_FILENO) std::exit(1);
        if (WriteStdout("x").message() != "stdout: Bad file descriptor") std::exit(2);
        if (ReadInput("-").status().message() != "stdin: Bad file descriptor") std::exit(3);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lluda::cli
