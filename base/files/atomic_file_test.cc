#include "base/files/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/files/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::base {
namespace {

int FilesIn(const std::string& folder) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(AtomicFile, HasItsNameOnlyWhenItIsWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a";
  WriteAll(path, "old");
  {
    auto file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    file->Append("ne");
    EXPECT_EQ(ReadAll(path), "old");
    file->PadTo(8);
    file->Append("w");
    file->Overwrite(0, "N");
    EXPECT_EQ(file->size(), 9);
    EXPECT_EQ(std::move(*file).Commit(), absl::OkStatus());
  }
  EXPECT_EQ(ReadAll(path), std::string("Ne\0\0\0\0\0\0w", 9));
  EXPECT_EQ(FilesIn(folder.path()), 1);
}

TEST(AtomicFile, LeavesNothingWithoutACommit) {
  const TemporaryFolder folder;
  {
    auto file = AtomicFile::Create(folder.path() + "/a");
    ASSERT_TRUE(file.ok());
    file->Append("text");
  }
  EXPECT_EQ(FilesIn(folder.path()), 0);
}

TEST(AtomicFile, ALinkStaysOne) {
  const TemporaryFolder folder;
  WriteAll(folder.path() + "/a", "old");
  const std::string link = folder.path() + "/link";
  std::filesystem::create_symlink("a", link);
  auto file = AtomicFile::Create(link);
  ASSERT_TRUE(file.ok());
  file->Append("new");
  ASSERT_TRUE(std::move(*file).Commit().ok());
  EXPECT_EQ(ReadAll(folder.path() + "/a"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
}

TEST(AtomicFile, APipeOrADeviceIsNotReplaced) {
  const TemporaryFolder folder;
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::string device = folder.path() + "/link";
  std::filesystem::create_symlink("/dev/null", device);
  for (const std::string& path : {pipe, device}) {
    EXPECT_EQ(AtomicFile::Create(path).status(),
              absl::UnavailableError(path + ": is not a regular file"));
  }
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

TEST(AtomicFile, HasTheModeThatWasAskedFor) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a";
  auto file = AtomicFile::Create(path, 0600);
  ASSERT_TRUE(file.ok() && std::move(*file).Commit().ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

// A limit on the size of files stands for a full disk: a write fails in the middle.
TEST(AtomicFile, TellsOfAWriteThatFailsAndLeavesNothing) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/a";
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small = {10000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  auto file = AtomicFile::Create(path);
  ASSERT_TRUE(file.ok());
  file->Append(std::string(6000, 'x'));
  file->Append(std::string(6000, 'x'));
  const absl::Status status = std::move(*file).Commit();
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), path + ": File too large");
  {
    const auto dropped = std::move(file);
  }
  EXPECT_EQ(FilesIn(folder.path()), 0);
}

}  // namespace
}  // namespace lluda::base
