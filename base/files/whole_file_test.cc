#include "base/files/whole_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/files/test_files.h"

namespace lluda::base {
namespace {

TEST(WholeFileTest, AFileIsReplacedAsAWholeAndReadableByOthers) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.txt", "old and longer");
  ASSERT_TRUE(WriteFile(path, "new").ok());
  EXPECT_EQ(*ReadInput(path), "new");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WholeFileTest, AFailedWriteLeavesNothingBehind) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.PathOf("taken"));
  folder.Write("taken/x", "");
  EXPECT_EQ(WriteFile(folder.PathOf("taken"), "text").message(),
            folder.PathOf("taken") + ": Is a directory");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  EXPECT_EQ(WriteFile(folder.PathOf("none/x"), "text").message(),
            folder.PathOf("none/x") + ": No such file or directory");
}

TEST(WholeFileTest, WhatCannotBeWrittenIsToldBeforeAsItWouldBeThen) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.PathOf("taken"));
  for (const std::string& path : {folder.PathOf("taken"), folder.PathOf("none/x")}) {
    const absl::Status status = CheckWritable(path);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status, WriteFile(path, "text"));
  }
}

TEST(WholeFileTest, AskingWhetherAFileCanBeWrittenChangesNothing) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("a.txt", "old");
  EXPECT_TRUE(CheckWritable(path).ok());
  EXPECT_EQ(*ReadInput(path), "old");
  EXPECT_TRUE(CheckWritable(folder.PathOf("new.txt")).ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
  const std::string pipe = folder.PathOf("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(CheckWritable(pipe).ok()) << "nobody reads it yet";
}

TEST(WholeFileTest, APipeIsWrittenToAndALinkFollowed) {
  const TemporaryFolder folder;
  const std::string pipe = folder.PathOf("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(WriteFile(pipe, "text").ok());
  char buffer[8];
  EXPECT_EQ(read(reader, buffer, sizeof buffer), 4);
  close(reader);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));

  const std::string file = folder.Write("a.txt", "old");
  std::filesystem::create_symlink("a.txt", folder.PathOf("link"));
  ASSERT_TRUE(WriteFile(folder.PathOf("link"), "new").ok());
  EXPECT_EQ(*ReadInput(file), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.PathOf("link")));
  EXPECT_EQ(WriteFile("/dev/full", "text").message(), "/dev/full: No space left on device");
}

TEST(WholeFileTest, WhatCannotBeReadIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadInput(folder.PathOf("x")).status(),
            absl::NotFoundError(folder.PathOf("x") + ": No such file or directory"));
  EXPECT_EQ(ReadInput(folder.path()).status(),
            absl::FailedPreconditionError(folder.path() + ": Is a directory"));
  EXPECT_EQ(ReadInput("/dev/zero").status(),
            absl::FailedPreconditionError("/dev/zero: File too large"));
}

}  // namespace
}  // namespace lluda::base
