#include "base/files/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/files/test_files.h"

namespace lluda::base {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(MappedFile, HoldsTheFilesBytes) {
  const TemporaryFolder folder;
  absl::StatusOr<MappedFile> file = MappedFile::Open(folder.Write("a", "some text"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->text(), "some text");
}

TEST(MappedFile, AnEmptyFileHasNoBytes) {
  const TemporaryFolder folder;
  absl::StatusOr<MappedFile> file = MappedFile::Open(folder.Write("a", ""));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, BytesStayWhereTheyAreWhenTheFileMoves) {
  const TemporaryFolder folder;
  absl::StatusOr<MappedFile> first = MappedFile::Open(folder.Write("a", "first"));
  absl::StatusOr<MappedFile> second = MappedFile::Open(folder.Write("b", "second"));
  ASSERT_TRUE(first.ok() && second.ok());
  const std::byte* address = first->bytes().data();
  *second = *std::move(first);
  EXPECT_EQ(second->bytes().data(), address);
  EXPECT_EQ(second->text(), "first");
}

TEST(MappedFile, AMissingFileIsNotFound) {
  const absl::Status status = MappedFile::Open("/nowhere/at/all").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "/nowhere/at/all: cannot be opened: No such file or directory");
}

TEST(MappedFile, AnythingButARegularFileIsRefused) {
  const TemporaryFolder folder;
  const std::string fifo = folder.PathOf("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string loop = folder.PathOf("loop");
  ASSERT_EQ(symlink(loop.c_str(), loop.c_str()), 0);
  const std::string dangling = folder.PathOf("dangling");
  ASSERT_EQ(symlink("nowhere", dangling.c_str()), 0);
  const struct {
    std::string path;
    std::string message;
  } cases[] = {
      {dangling, "links to a file that is not there"},
      {folder.path(), "is a folder, not a file"},
      {fifo, "is not a regular file"},
      {"/dev/zero", "is not a regular file"},
      {loop, "Too many levels of symbolic links"},
  };
  for (const auto& [path, message] : cases) {
    const absl::Status status = MappedFile::Open(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), StartsWith(path));
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

TEST(MappedFile, DropPagesFreesWholePagesInsideTheRangeAndKeepsTheContents) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const TemporaryFolder folder;
  std::string contents;
  for (size_t i = 0; i < 4 * page; ++i) contents.push_back(static_cast<char>(i * 7 + i / page));
  absl::StatusOr<MappedFile> file = MappedFile::Open(folder.Write("a", contents));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->text(), contents);  // touches every page

  // Pages dropped from this mapping stay in the page cache, so mincore cannot tell; the process's
  // own resident pages can.
  const auto resident_pages = [&] {
    std::vector<bool> resident;
    FILE* pagemap = fopen("/proc/self/pagemap", "rb");
    if (pagemap == nullptr) return resident;
    for (size_t i = 0; i < 4; ++i) {
      const uintptr_t number = reinterpret_cast<uintptr_t>(file->bytes().data()) / page + i;
      uint64_t entry = 0;
      if (fseeko(pagemap, static_cast<off_t>(number * sizeof(entry)), SEEK_SET) == 0 &&
          fread(&entry, sizeof(entry), 1, pagemap) == 1) {
        resident.push_back(entry >> 63 != 0);
      }
    }
    fclose(pagemap);
    return resident;
  };
  if (resident_pages() != std::vector<bool>(4, true)) {
    GTEST_SKIP() << "this system does not tell which pages are resident";
  }
  file->DropPages(file->bytes().subspan(1, 3 * page));
  EXPECT_EQ(resident_pages(), std::vector<bool>({true, false, false, true}));
  EXPECT_EQ(file->text(), contents);
}

TEST(MappedFile, HintsAcceptRangesThatHoldNoWholePage) {
  const TemporaryFolder folder;
  absl::StatusOr<MappedFile> file = MappedFile::Open(folder.Write("a", "some text"));
  ASSERT_TRUE(file.ok()) << file.status();
  file->WillNeed(file->bytes());
  file->DropPages(file->bytes());
  file->DropPages({});
  EXPECT_EQ(file->text(), "some text");
}

TEST(MappedFileDeathTest, HintsRefuseMemoryOfSomeoneElse) {
  const TemporaryFolder folder;
  absl::StatusOr<MappedFile> file = MappedFile::Open(folder.Write("a", "some text"));
  ASSERT_TRUE(file.ok()) << file.status();
  const std::byte other[4] = {};
  EXPECT_DEATH(file->DropPages(other), "Contains");
}

}  // namespace
}  // namespace lluda::base
