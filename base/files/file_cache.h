// A folder of compiled code, found again by what it was compiled from.
//
//   absl::StatusOr<CodeCache> cache = CodeCache::Open("/home/me/.cache/lluda", kDefaultCacheBytes);
//   std::optional<std::string> code = cache->Find(key);      // nothing: compile it
//   cache->Store(key, code);                                 // and keep it
//
// Only the user may write to the folder, and each entry is a file whose hash is checked whenever it
// is read: one that is damaged, or of somebody else, counts as missing and is replaced. Entries
// appear whole or not at all, so processes may share the folder. What was not used for longest goes
// first when the folder outgrows its bound.
#ifndef LLUDA_BASE_FILES_FILE_CACHE_H_
#define LLUDA_BASE_FILES_FILE_CACHE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lluda::base {

inline constexpr int64_t kDefaultCacheBytes = int64_t{256} << 20;

class CodeCache {
 public:
  struct Entry {
    std::string path;
    std::string title;  // the first line of its key; empty for a damaged entry
    int64_t bytes = 0;
    int64_t used_seconds = 0;  // when it was last used, since 1970
    bool is_intact = false;
  };

  // Creates the folder, with mode 0700, if it is not there. FailedPrecondition if it is a link or
  // no folder, of another user, or if others may write to it; Unavailable if it cannot be created.
  static absl::StatusOr<CodeCache> Open(const std::string& folder, int64_t max_bytes);

  // What was stored for exactly this key.
  std::optional<std::string> Find(absl::string_view key) const;
  // Unavailable, and no entry, if it cannot be written, for instance on a full disk.
  absl::Status Store(absl::string_view key, absl::string_view value) const;

  // All entries, the one used last first. Reads and checks each.
  absl::StatusOr<std::vector<Entry>> List() const;
  // Deletes damaged entries and temporary files that nobody finishes any more, then the entries
  // unused for longest until the others have at most `max_bytes`; the bytes freed.
  absl::StatusOr<int64_t> Prune(int64_t max_bytes) const;
  // The same for the bound given to Open, without reading the entries.
  absl::Status KeepBound() const;

  const std::string& folder() const { return folder_; }

 private:
  CodeCache(std::string folder, int64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}

  std::string PathOf(absl::string_view key) const;
  absl::StatusOr<std::vector<Entry>> Scan() const;

  std::string folder_;
  int64_t max_bytes_;
};

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_FILE_CACHE_H_
