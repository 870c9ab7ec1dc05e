#include "cli/output.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "frontends/test_files.h"

namespace lluda::cli {
namespace {

using frontends::TemporaryFolder;

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

}  // namespace
}  // namespace lluda::cli
