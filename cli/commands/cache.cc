// lluda cache: looks at compiled code that was kept, drops some of it, and checks it or a bundle.
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file_cache.h"
#include "base/status_macros.h"
#include "bundle/reader.h"
#include "cli/commands/commands.h"
#include "cli/flags/cache_folder.h"
#include "cli/terminal/output.h"

namespace lluda::cli {
namespace {

using base::CodeCache;

absl::StatusOr<CodeCache> OpenCache() {
  const std::string folder = CacheFolder([](const char* name) { return std::getenv(name); });
  if (folder.empty()) {
    return absl::FailedPreconditionError(
        "there is no cache: neither XDG_CACHE_HOME nor HOME is set");
  }
  return CodeCache::Open(folder, base::kDefaultCacheBytes);
}

std::string TimeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &utc);
  return text;
}

absl::StatusOr<int> Print(const std::string& text, int code) {
  RETURN_IF_ERROR(WriteStdout(text));
  return code;
}

absl::StatusOr<int> List(const CodeCache& cache) {
  ASSIGN_OR_RETURN(std::vector<CodeCache::Entry> entries, cache.List());
  int64_t bytes = 0;
  std::string text = absl::StrFormat("%10s  %-19s  %s\n", "bytes", "last used (UTC)", "kernel");
  for (const CodeCache::Entry& entry : entries) {
    bytes += entry.bytes;
    absl::StrAppendFormat(&text, "%10d  %s  %s\n", entry.bytes, TimeText(entry.used_seconds),
                          entry.is_intact ? entry.title : absl::StrCat("damaged: ", entry.path));
  }
  absl::StrAppendFormat(&text, "%10d  in %d kernels, %s\n", bytes, entries.size(), cache.folder());
  return Print(text, 0);
}

absl::StatusOr<int> VerifyBundle(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<bundle::Bundle> bundle, bundle::Bundle::Open(path));
  RETURN_IF_ERROR(bundle->Verify());
  return Print(absl::StrCat(path, ": intact\n"), 0);
}

absl::StatusOr<int> VerifyCache(const CodeCache& cache) {
  ASSIGN_OR_RETURN(std::vector<CodeCache::Entry> entries, cache.List());
  std::string text;
  int64_t damaged = 0;
  for (const CodeCache::Entry& entry : entries) {
    if (entry.is_intact) continue;
    ++damaged;
    absl::StrAppend(&text, entry.path, ": damaged\n");
  }
  absl::StrAppend(&text, entries.size() - static_cast<size_t>(damaged), " kernels intact, ",
                  damaged, " damaged\n");
  return Print(text, damaged == 0 ? 0 : 1);
}

}  // namespace

absl::StatusOr<int> RunCache(const CacheFlags& flags) {
  if (!flags.file.empty()) return VerifyBundle(flags.file);
  ASSIGN_OR_RETURN(CodeCache cache, OpenCache());
  switch (flags.action) {
    case CacheAction::kList:
      return List(cache);
    case CacheAction::kVerify:
      return VerifyCache(cache);
    case CacheAction::kPrune:
      break;
  }
  ASSIGN_OR_RETURN(int64_t freed, cache.Prune(flags.max_bytes));
  return Print(absl::StrCat("freed ", freed, " bytes\n"), 0);
}

}  // namespace lluda::cli
