#include "base/files/owner_only.h"

#include "absl/strings/str_cat.h"

namespace lluda::base {

absl::Status CheckOwnerOnly(const std::string& path, const struct stat& status) {
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": others than its owner may read or write it (chmod 600)"));
}

}  // namespace lluda::base
