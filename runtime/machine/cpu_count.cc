#include "runtime/machine/cpu_count.h"

#include <errno.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runtime/machine/control_group.h"

namespace lluda::runtime {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double Cores(absl::string_view quota, absl::string_view period) {
  double quota_us, period_us;
  // A quota of "max" (version 2) or -1 (version 1) means none.
  if (!absl::SimpleAtod(quota, &quota_us) || !absl::SimpleAtod(period, &period_us)) return kNoLimit;
  if (quota_us <= 0 || period_us <= 0) return kNoLimit;
  return quota_us / period_us;
}

double QuotaOf(const GroupFolder& group) {
  if (group.version == 2) {  // one file, "QUOTA PERIOD" or "max PERIOD"
    const auto text = ReadSystemFile(absl::StrCat(group.path, "/cpu.max"));
    if (!text) return kNoLimit;
    const std::vector<std::string> fields =
        absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
    return fields.size() == 2 ? Cores(fields[0], fields[1]) : kNoLimit;
  }
  const auto quota = ReadSystemFile(absl::StrCat(group.path, "/cpu.cfs_quota_us"));
  const auto period = ReadSystemFile(absl::StrCat(group.path, "/cpu.cfs_period_us"));
  return quota && period ? Cores(*quota, *period) : kNoLimit;
}

double TightestQuota(const std::string& root) {
  double cores = kNoLimit;
  for (const GroupFolder& group : GroupFolders(root, "cpu")) {
    cores = std::min(cores, QuotaOf(group));
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
    const auto siblings = ReadSystemFile(
        absl::StrCat(root, "/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.value_or(absl::StrCat("cpu ", cpu)));
  }
  double usable = std::max<double>(1, cores.size());
  const double quota = TightestQuota(root);
  if (quota < usable) usable = std::max(1.0, std::round(quota));
  return static_cast<int>(usable);
}

int UsablePhysicalCores() { return PhysicalCoresAmong(AllowedCpus(), "/"); }

}  // namespace lluda::runtime
