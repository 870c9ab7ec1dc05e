// What `lluda cache` tells of the compiled code that was kept, or of a bundle.
//
//   absl::StatusOr<CacheReport> report = ReportOf(cache);
//   CacheListText(*report);     // bytes, last use and kernel of each entry
//   CacheVerifyText(*report);   // the damaged ones, and how many are intact
#ifndef LLUDA_TOOLS_RUN_CACHE_REPORT_H_
#define LLUDA_TOOLS_RUN_CACHE_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files/file_cache.h"

namespace lluda::tools {

struct CacheReport {
  std::string folder;
  std::vector<base::CodeCache::Entry> entries;  // that used last first

  int64_t damaged() const;
};

// Reads and checks each entry; errors are those of CodeCache::List.
absl::StatusOr<CacheReport> ReportOf(const base::CodeCache& cache);

std::string CacheListText(const CacheReport& report);
std::string CacheVerifyText(const CacheReport& report);
// Of both: what is kept, and what of it is damaged.
std::string CacheJson(const CacheReport& report);

// What pruning freed.
std::string PruneText(int64_t freed_bytes);
std::string PruneJson(int64_t freed_bytes);

// Of a bundle that is as it was written; one that is not is an error.
std::string IntactBundleText(const std::string& path);
std::string IntactBundleJson(const std::string& path);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_CACHE_REPORT_H_
