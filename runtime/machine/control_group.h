// Where the limits of this process's control group stand, version 1 or 2: what `docker run
// --cpus=2 --memory=4g` and systemd set.
//
//   for (const GroupFolder& group : GroupFolders("/", "memory")) {
//     if (group.version == 2) ... ReadSystemFile(group.path + "/memory.max") ...
//   }
#ifndef LLUDA_RUNTIME_MACHINE_CONTROL_GROUP_H_
#define LLUDA_RUNTIME_MACHINE_CONTROL_GROUP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lluda::runtime {

// A file of /proc or /sys, whole; nullopt if it cannot be read.
std::optional<std::string> ReadSystemFile(const std::string& path);

struct GroupFolder {
  int version = 2;
  std::string path;
};

// The folders whose limits hold for this process in `controller` ("cpu", "memory"): its group's and
// those of all groups above it, wherever they may be mounted. A folder, and a file in it, need not
// exist. `root` is the folder that holds sys/ and proc/ ("/" in earnest).
std::vector<GroupFolder> GroupFolders(const std::string& root, absl::string_view controller);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_CONTROL_GROUP_H_
