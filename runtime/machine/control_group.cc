#include "runtime/machine/control_group.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lluda::runtime {
namespace {

// From the group up to the mount point. A container sees its own group at the mount point under a
// path that may not exist there; going up covers that too.
void AddWayUp(int version, const std::string& mount, std::string group,
              std::vector<GroupFolder>* folders) {
  for (;;) {
    folders->push_back({version, absl::StrCat(mount, group)});
    if (group.empty()) return;
    group.resize(std::min(group.find_last_of('/'), group.size()));
  }
}

}  // namespace

std::optional<std::string> ReadSystemFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// /proc/self/cgroup has a line "ID:CONTROLLERS:/PATH" per hierarchy; version 2 has no controllers.
std::vector<GroupFolder> GroupFolders(const std::string& root, absl::string_view controller) {
  std::vector<GroupFolder> folders;
  const auto groups = ReadSystemFile(absl::StrCat(root, "/proc/self/cgroup"));
  if (!groups) return folders;
  const std::string mounts = absl::StrCat(root, "/sys/fs/cgroup");
  for (const absl::string_view line : absl::StrSplit(*groups, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) continue;
    if (fields[1].empty()) {
      // Alone, or beside version 1.
      for (const char* mount : {"", "/unified"}) {
        AddWayUp(2, absl::StrCat(mounts, mount), fields[2], &folders);
      }
      continue;
    }
    const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
    if (std::find(controllers.begin(), controllers.end(), controller) == controllers.end()) {
      continue;
    }
    AddWayUp(1, absl::StrCat(mounts, "/", controller), fields[2], &folders);
    if (fields[1] != controller) {
      AddWayUp(1, absl::StrCat(mounts, "/", fields[1]), fields[2], &folders);
    }
  }
  return folders;
}

}  // namespace lluda::runtime
