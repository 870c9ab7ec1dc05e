#include "base/files/user_code_cache.h"

#include <string>

#include "absl/status/status.h"
#include "base/files/cache_folder.h"

namespace lluda::base {

absl::StatusOr<CodeCache> OpenUserCodeCache(
    const std::function<const char*(const char* name)>& environment) {
  const std::string folder = CacheFolder(environment);
  if (!folder.empty()) return CodeCache::Open(folder, kDefaultCacheBytes);
  return absl::NotFoundError("there is no cache: neither XDG_CACHE_HOME nor HOME is set");
}

}  // namespace lluda::base
