// Where compiled code is kept between runs.
//
//   CacheFolder([](const char* name) { return std::getenv(name); })   // "/home/me/.cache/lluda"
#ifndef LLUDA_BASE_FILES_CACHE_FOLDER_H_
#define LLUDA_BASE_FILES_CACHE_FOLDER_H_

#include <functional>
#include <string>

namespace lluda::base {

// $XDG_CACHE_HOME/lluda, or ~/.cache/lluda, as the XDG Base Directory Specification says: a path
// that is not absolute counts as not set. Empty if neither variable tells.
std::string CacheFolder(const std::function<const char*(const char* name)>& environment);

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_CACHE_FOLDER_H_
