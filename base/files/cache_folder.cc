#include "base/files/cache_folder.h"

namespace lluda::base {

std::string CacheFolder(const std::function<const char*(const char* name)>& environment) {
  const auto absolute = [&](const char* name) {
    const char* value = environment(name);
    return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
  };
  if (const std::string cache = absolute("XDG_CACHE_HOME"); !cache.empty()) return cache + "/lluda";
  const std::string home = absolute("HOME");
  return home.empty() ? "" : home + "/.cache/lluda";
}

}  // namespace lluda::base
