#include "runtime/cpu_count.h"

#include <errno.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

double Cores(absl::string_view quota, absl::string_view period) {
  double quota_us, period_us;
  // A quota of "max" (version 2) or -1 (version 1) means none.
  if (!absl::SimpleAtod(quota, &quota_us) || !absl::SimpleAtod(period, &period_us)) return kNoLimit;
  if (quota_us <= 0 || period_us <= 0) return kNoLimit;
  return quota_us / period_us;
}

// Version 2: one file, "QUOTA PERIOD" or "max PERIOD".
double QuotaOfFolderV2(const std::string& folder) {
  const auto text = ReadFile(absl::StrCat(folder, "/cpu.max"));
  if (!text) return kNoLimit;
  const std::vector<std::string> fields =
      absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return fields.size() == 2 ? Cores(fields[0], fields[1]) : kNoLimit;
}

// Version 1: a file for each of the two.
double QuotaOfFolderV1(const std::string& folder) {
  const auto quota = ReadFile(absl::StrCat(folder, "/cpu.cfs_quota_us"));
  const auto period = ReadFile(absl::StrCat(folder, "/cpu.cfs_period_us"));
  return quota && period ? Cores(*quota, *period) : kNoLimit;
}

// The tightest quota on the way from the group up to the mount point. A container sees its own
// group at the mount point under a path that may not exist there; going up covers that too.
double TightestQuota(const std::string& mount, std::string group,
                     double (*quota_of_folder)(const std::string&)) {
  double cores = kNoLimit;
  for (;;) {
    cores = std::min(cores, quota_of_folder(absl::StrCat(mount, group)));
    if (group.empty()) return cores;
    group.resize(std::min(group.find_last_of('/'), group.size()));
  }
}

// /proc/self/cgroup has a line "ID:CONTROLLERS:/PATH" per hierarchy; version 2 has no controllers.
double CgroupQuota(const std::string& root) {
  const auto groups = ReadFile(absl::StrCat(root, "/proc/self/cgroup"));
  if (!groups) return kNoLimit;
  double cores = kNoLimit;
  for (const absl::string_view line : absl::StrSplit(*groups, '\n')) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) continue;
    const std::string mounts = absl::StrCat(root, "/sys/fs/cgroup");
    if (fields[1].empty()) {
      // Alone, or beside version 1.
      for (const char* mount : {"", "/unified"}) {
        cores =
            std::min(cores, TightestQuota(absl::StrCat(mounts, mount), fields[2], QuotaOfFolderV2));
      }
      continue;
    }
    const std::vector<std::string> controllers = absl::StrSplit(fields[1], ',');
    if (std::find(controllers.begin(), controllers.end(), "cpu") == controllers.end()) continue;
    for (const absl::string_view mount : {absl::string_view("cpu"), absl::string_view(fields[1])}) {
      cores = std::min(cores,
                       TightestQuota(absl::StrCat(mounts, "/", mount), fields[2], QuotaOfFolderV1));
    }
  }
  return cores;
}

}  // namespace

std::vector<int> AllowedCpus() {
  // The call fails with EINVAL while the set is smaller than the kernel's own.
  constexpr int kMostCpus = 1 << 20;
  for (int capacity = 1024; capacity <= kMostCpus; capacity *= 2) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    if (set == nullptr) return {};
    const size_t bytes = CPU_ALLOC_SIZE(capacity);
    const bool ok = sched_getaffinity(0, bytes, set) == 0;
    const bool too_small = !ok && errno == EINVAL;
    std::vector<int> cpus;
    for (int cpu = 0; ok && cpu < capacity; ++cpu) {
      if (CPU_ISSET_S(cpu, bytes, set)) cpus.push_back(cpu);
    }
    CPU_FREE(set);
    if (!too_small) return cpus;
  }
  return {};
}

int PhysicalCoresAmong(const std::vector<int>& cpus, const std::string& root) {
  // The threads of one core list the same siblings, so the lists are counted as they stand.
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    const auto siblings = ReadFile(
        absl::StrCat(root, "/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.value_or(absl::StrCat("cpu ", cpu)));
  }
  double usable = std::max<double>(1, cores.size());
  const double quota = CgroupQuota(root);
  if (quota < usable) usable = std::max(1.0, std::round(quota));
  return static_cast<int>(usable);
}

int UsablePhysicalCores() { return PhysicalCoresAmong(AllowedCpus(), "/"); }

}  // namespace lluda::runtime
