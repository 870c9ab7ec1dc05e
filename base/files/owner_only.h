// Files with secrets, such as keys, or what users have asked: for their owner alone.
//
//   struct stat status;
//   if (fstat(descriptor, &status) == 0) RETURN_IF_ERROR(CheckOwnerOnly("keys", status));
#ifndef LLUDA_BASE_FILES_OWNER_ONLY_H_
#define LLUDA_BASE_FILES_OWNER_ONLY_H_

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"

namespace lluda::base {

// InvalidArgument, naming the file, if others may do anything with it.
absl::Status CheckOwnerOnly(const std::string& path, const struct stat& status);

}  // namespace lluda::base

#endif  // LLUDA_BASE_FILES_OWNER_ONLY_H_
