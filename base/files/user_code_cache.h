// The cache of compiled code in the user's folder.
//
//   absl::StatusOr<CodeCache> cache = OpenUserCodeCache(getenv);
#ifndef LLUDA_BASE_FILES_USER_CODE_CACHE_H_
#define LLUDA_BASE_FILES_USER_CODE_CACHE_H_

#include <functional>

#include "absl/status/statusor.h"
#include "base/files/file_cache.h"

namespace lluda::base {

// NotFound if the environment names no folder (CacheFolder); errors of CodeCache::Open.
absl::StatusOr<CodeCache> OpenUserCodeCache(
    const std::function<const char*(const char* name)>& environment);

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_USER_CODE_CACHE_H_
