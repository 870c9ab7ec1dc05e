#include "base/files/file_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files/atomic_file.h"
#include "base/sha256.h"
#include "base/status_macros.h"

namespace lluda::base {
namespace {

// An entry: this, the SHA-256 of the rest, the key's size as 8 little-endian bytes, key, value.
constexpr absl::string_view kMagic("\x89LLC\r\n\x1A\n", 8);
constexpr size_t kHashedFrom = 8 + 32;
constexpr size_t kPrefixBytes = kHashedFrom + 8;
constexpr absl::string_view kSuffix = ".code";

// Far above any kernel, far below what would exhaust memory.
constexpr int64_t kMostEntryBytes = int64_t{64} << 20;

// A writer that has not renamed its file by then has gone.
constexpr int64_t kStaleSeconds = 3600;

// The file's contents, if it is a regular file of this user that nobody else may write to.
std::optional<std::string> ReadOwnFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  std::optional<std::string> contents;
  struct stat info;
  if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
      (info.st_mode & (S_IWGRP | S_IWOTH)) == 0 && info.st_size <= kMostEntryBytes) {
    contents.emplace(static_cast<size_t>(info.st_size), '\0');
    size_t got = 0;
    while (got < contents->size()) {
      const ssize_t count = read(descriptor, contents->data() + got, contents->size() - got);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      got += static_cast<size_t>(count);
    }
    if (got < contents->size()) contents.reset();
  }
  close(descriptor);
  return contents;
}

absl::string_view AsText(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

struct KeyAndValue {
  absl::string_view key;
  absl::string_view value;
};

// Views into `entry`; nothing if it is damaged.
std::optional<KeyAndValue> Decode(absl::string_view entry) {
  if (entry.size() < kPrefixBytes || !absl::StartsWith(entry, kMagic)) return std::nullopt;
  const Digest digest = Sha256(entry.substr(kHashedFrom));
  if (entry.substr(kMagic.size(), digest.size()) != AsText(digest)) return std::nullopt;
  uint64_t key_bytes;
  std::memcpy(&key_bytes, entry.data() + kHashedFrom, sizeof(key_bytes));
  entry.remove_prefix(kPrefixBytes);
  if (key_bytes > entry.size()) return std::nullopt;
  return KeyAndValue{entry.substr(0, key_bytes), entry.substr(key_bytes)};
}

absl::Status Unsafe(const std::string& folder, absl::string_view reason) {
  return absl::FailedPreconditionError(absl::StrCat(folder, ": ", reason));
}

}  // namespace

absl::StatusOr<CodeCache> CodeCache::Open(const std::string& folder, int64_t max_bytes) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::UnavailableError(absl::StrCat(folder, ": ", std::strerror(errno)));
  }
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0) {
    return absl::UnavailableError(absl::StrCat(folder, ": ", std::strerror(errno)));
  }
  if (!S_ISDIR(info.st_mode)) return Unsafe(folder, "is not a folder");
  if (info.st_uid != geteuid()) return Unsafe(folder, "belongs to another user");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Unsafe(folder, "may be written to by others (chmod 700)");
  }
  return CodeCache(folder, max_bytes);
}

std::string CodeCache::PathOf(absl::string_view key) const {
  return absl::StrCat(folder_, "/", HexOf(Sha256(key)), kSuffix);
}

std::optional<std::string> CodeCache::Find(absl::string_view key) const {
  const std::string path = PathOf(key);
  const std::optional<std::string> contents = ReadOwnFile(path);
  if (!contents) return std::nullopt;
  const std::optional<KeyAndValue> entry = Decode(*contents);
  if (!entry || entry->key != key) return std::nullopt;
  // Its time of modification is when it was last used.
  utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
  return std::string(entry->value);
}

absl::Status CodeCache::Store(absl::string_view key, absl::string_view value) const {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(PathOf(key), 0600));
  const uint64_t key_bytes = key.size();
  std::string hashed(sizeof(key_bytes), '\0');
  std::memcpy(hashed.data(), &key_bytes, sizeof(key_bytes));
  absl::StrAppend(&hashed, key, value);
  const Digest digest = Sha256(hashed);
  file.Append(kMagic);
  file.Append(AsText(digest));
  file.Append(hashed);
  return std::move(file).Commit();
}

// Sizes and times of the files, the one used last first; what is in them is not read.
absl::StatusOr<std::vector<CodeCache::Entry>> CodeCache::Scan() const {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(folder_.c_str()), closedir);
  if (folder == nullptr) {
    return absl::UnavailableError(absl::StrCat(folder_, ": ", std::strerror(errno)));
  }
  std::vector<Entry> entries;
  while (const dirent* file = readdir(folder.get())) {
    Entry entry;
    entry.path = absl::StrCat(folder_, "/", file->d_name);
    struct stat info;
    if (lstat(entry.path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) continue;
    if (absl::StrContains(file->d_name, ".tmp-")) {
      if (info.st_mtime + kStaleSeconds < std::time(nullptr)) unlink(entry.path.c_str());
      continue;
    }
    if (!absl::EndsWith(file->d_name, kSuffix)) continue;
    entry.bytes = info.st_size;
    entry.used_seconds = info.st_mtime;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::make_pair(-a.used_seconds, a.path) < std::make_pair(-b.used_seconds, b.path);
  });
  return entries;
}

absl::StatusOr<std::vector<CodeCache::Entry>> CodeCache::List() const {
  ASSIGN_OR_RETURN(std::vector<Entry> entries, Scan());
  for (Entry& entry : entries) {
    const std::optional<std::string> contents = ReadOwnFile(entry.path);
    const auto decoded = contents ? Decode(*contents) : std::nullopt;
    entry.is_intact = decoded && PathOf(decoded->key) == entry.path;
    if (entry.is_intact) {
      entry.title = std::string(decoded->key.substr(0, decoded->key.find('\n')));
    }
  }
  return entries;
}

absl::StatusOr<int64_t> CodeCache::Prune(int64_t max_bytes) const {
  ASSIGN_OR_RETURN(std::vector<Entry> entries, List());
  int64_t kept = 0, freed = 0;
  for (const Entry& entry : entries) {
    if (entry.is_intact && kept + entry.bytes <= max_bytes) {
      kept += entry.bytes;
    } else if (unlink(entry.path.c_str()) == 0) {
      freed += entry.bytes;
    }
  }
  return freed;
}

absl::Status CodeCache::KeepBound() const {
  ASSIGN_OR_RETURN(std::vector<Entry> entries, Scan());
  int64_t bytes = 0;
  for (const Entry& entry : entries) {
    bytes += entry.bytes;
    if (bytes > max_bytes_) unlink(entry.path.c_str());
  }
  return absl::OkStatus();
}

}  // namespace lluda::base
