#include "base/files/file_cache.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files/test_files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::base {
namespace {

using testing::EndsWith;

class CodeCacheTest : public testing::Test {
 protected:
  CodeCache Open(int64_t max_bytes = kDefaultCacheBytes) const {
    auto cache = CodeCache::Open(path_, max_bytes);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return *std::move(cache);
  }

  static std::vector<CodeCache::Entry> Entries(const CodeCache& cache) {
    auto entries = cache.List();
    EXPECT_TRUE(entries.ok()) << entries.status();
    return *std::move(entries);
  }

  std::string OnlyFile() const {
    std::vector<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      files.push_back(file.path().string());
    }
    EXPECT_EQ(files.size(), 1);
    return files.empty() ? "" : files[0];
  }

  std::string Refusal() const {
    const auto cache = CodeCache::Open(path_, kDefaultCacheBytes);
    return cache.ok() ? "accepted" : std::string(cache.status().message());
  }

  // Says that the entry of a key was last used `seconds` ago.
  void Age(const CodeCache& cache, const std::string& title, int64_t seconds) const {
    for (const CodeCache::Entry& entry : Entries(cache)) {
      if (entry.title != title) continue;
      const timespec then = {time(nullptr) - seconds, 0};
      const timespec times[] = {then, then};
      ASSERT_EQ(utimensat(AT_FDCWD, entry.path.c_str(), times, 0), 0);
    }
  }

  std::vector<std::string> Titles(const CodeCache& cache) const {
    std::vector<std::string> titles;
    for (const CodeCache::Entry& entry : Entries(cache)) titles.push_back(entry.title);
    return titles;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/some/cache";
};

TEST_F(CodeCacheTest, FindsWhatWasStoredForExactlyThatKey) {
  const CodeCache cache = Open();
  EXPECT_EQ(cache.Find("kernel a"), std::nullopt);
  const std::string value("code\0code", 9);
  EXPECT_EQ(cache.Store("kernel a", value), absl::OkStatus());
  EXPECT_EQ(cache.Find("kernel a"), value);
  EXPECT_EQ(cache.Find("kernel b"), std::nullopt);
  EXPECT_EQ(Open().Find("kernel a"), value);
  EXPECT_EQ(cache.Store("kernel a", "new"), absl::OkStatus());
  EXPECT_EQ(cache.Find("kernel a"), "new");
}

TEST_F(CodeCacheTest, IsForItsUserAlone) {
  const CodeCache cache = Open();
  ASSERT_TRUE(cache.Store("key", "value").ok());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700);
  ASSERT_EQ(stat(OnlyFile().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600);
}

TEST_F(CodeCacheTest, RefusesAFolderThatOthersMayWriteTo) {
  Open();
  for (const mode_t mode : {0770, 0702}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_EQ(Refusal(), path_ + ": may be written to by others (chmod 700)");
  }
  ASSERT_EQ(chmod(path_.c_str(), 0755), 0);
  EXPECT_EQ(Refusal(), "accepted");
}

TEST_F(CodeCacheTest, RefusesAFolderOfAnotherUser) {
  Open();
  if (chown(path_.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "only root may give files away";
  EXPECT_EQ(Refusal(), path_ + ": belongs to another user");
}

TEST_F(CodeCacheTest, RefusesALinkAndAFile) {
  std::filesystem::create_directories(folder_.path() + "/some/real");
  std::filesystem::create_directory_symlink(folder_.path() + "/some/real", path_);
  EXPECT_EQ(Refusal(), path_ + ": is not a folder");
  std::filesystem::remove(path_);
  WriteAll(path_, "text");
  EXPECT_EQ(Refusal(), path_ + ": is not a folder");
}

TEST_F(CodeCacheTest, TakesADamagedEntryForMissingWhateverByteIsDamaged) {
  const CodeCache cache = Open();
  ASSERT_TRUE(cache.Store("key", "value").ok());
  const std::string file = OnlyFile();
  const std::string bytes = ReadAll(file);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    WriteAll(file, damaged);
    EXPECT_EQ(cache.Find("key"), std::nullopt) << i;
    WriteAll(file, bytes.substr(0, i));
    EXPECT_EQ(cache.Find("key"), std::nullopt) << i;
  }
  EXPECT_FALSE(Entries(cache)[0].is_intact);
  EXPECT_EQ(cache.Store("key", "value"), absl::OkStatus());
  EXPECT_EQ(cache.Find("key"), "value");
}

TEST_F(CodeCacheTest, TakesAnEntryOfAnotherKeyUnderItsNameForMissing) {
  const CodeCache cache = Open();
  ASSERT_TRUE(cache.Store("key", "value").ok());
  const std::string file = OnlyFile();
  ASSERT_TRUE(cache.Store("other", "another value").ok());
  for (const CodeCache::Entry& entry : Entries(cache)) {
    if (entry.title == "other") std::filesystem::rename(entry.path, file);
  }
  EXPECT_EQ(cache.Find("key"), std::nullopt);
}

TEST_F(CodeCacheTest, TakesAnEntryThatOthersCouldHaveWrittenForMissing) {
  const CodeCache cache = Open();
  ASSERT_TRUE(cache.Store("key", "value").ok());
  const std::string file = OnlyFile();
  ASSERT_EQ(chmod(file.c_str(), 0606), 0);
  EXPECT_EQ(cache.Find("key"), std::nullopt);
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(cache.Find("key"), "value");
  const std::string elsewhere = folder_.path() + "/elsewhere";
  std::filesystem::rename(file, elsewhere);
  std::filesystem::create_symlink(elsewhere, file);
  EXPECT_EQ(cache.Find("key"), std::nullopt) << "a link is not followed";
}

TEST_F(CodeCacheTest, DropsWhatWasUnusedForLongest) {
  const std::string value(1000, 'v');
  const CodeCache cache = Open(2500);
  for (const std::string key : {"a", "b", "c"}) ASSERT_TRUE(cache.Store(key, value).ok());
  Age(cache, "a", 300);
  Age(cache, "b", 200);
  Age(cache, "c", 100);
  EXPECT_TRUE(cache.Find("a").has_value());  // which makes it the newest
  EXPECT_EQ(cache.KeepBound(), absl::OkStatus());
  EXPECT_THAT(Titles(cache), testing::ElementsAre("a", "c"));
  const auto freed = cache.Prune(1500);
  ASSERT_TRUE(freed.ok());
  EXPECT_GT(*freed, 1000);
  EXPECT_THAT(Titles(cache), testing::ElementsAre("a"));
  EXPECT_TRUE(cache.Prune(0).ok());
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(CodeCacheTest, PruneDropsDamagedEntriesAndForgottenTemporaries) {
  const CodeCache cache = Open();
  ASSERT_TRUE(cache.Store("key", "value").ok());
  WriteAll(OnlyFile(), "junk");
  const std::string fresh = path_ + "/x.code.tmp-fresh";
  const std::string stale = path_ + "/x.code.tmp-stale";
  WriteAll(fresh, "");
  WriteAll(stale, "");
  const timespec long_ago[] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, stale.c_str(), long_ago, 0), 0);
  ASSERT_TRUE(cache.Prune(kDefaultCacheBytes).ok());
  EXPECT_EQ(OnlyFile(), fresh) << "somebody may be writing it";
}

TEST_F(CodeCacheTest, StoresNothingOnAFullDisk) {
  const CodeCache cache = Open();
  // A limit on the size of files stands for a full disk: a write fails in the middle.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old;
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small = {1000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const absl::Status status = cache.Store("key", std::string(5000, 'v'));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), EndsWith(": File too large"));
  EXPECT_EQ(cache.Find("key"), std::nullopt);
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(CodeCacheTest, MayBeWrittenToAndReadByManyAtATime) {
  const auto value_of = [](int key) { return std::string(20000, static_cast<char>('a' + key)); };
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const CodeCache cache = Open();
      for (int round = 0; round < 50; ++round) {
        const int key = (t + round) % 3;
        const std::string name = absl::StrCat("key ", key);
        EXPECT_EQ(cache.Store(name, value_of(key)), absl::OkStatus());
        const auto found = cache.Find(name);
        // It is there and whole, whoever wrote it.
        EXPECT_TRUE(found.has_value() && *found == value_of(key));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Entries(Open()).size(), 3);
}

}  // namespace
}  // namespace lluda::base
