#include "runtime/machine/memory_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runtime/machine/control_group.h"

namespace lluda::runtime {
namespace {

// Version 1 calls no limit the largest multiple of a page.
constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max() / 2;

// A file that holds one number; nullopt for "max".
std::optional<int64_t> NumberIn(const std::string& path) {
  const auto text = ReadSystemFile(path);
  int64_t number = 0;
  if (!text || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &number)) return std::nullopt;
  return number;
}

// The number behind `name` in lines "name 12", "Name: 12 kB"; nullopt if there is none.
std::optional<int64_t> Field(const std::string& text, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(": \t"), absl::SkipEmpty());
    int64_t number = 0;
    if (words.size() < 2 || words[0] != name || !absl::SimpleAtoi(words[1], &number)) continue;
    return words.size() > 2 && words[2] == "kB" ? number * 1024 : number;
  }
  return std::nullopt;
}

// How a version of control groups calls what.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* pages_of_files[2];  // in memory.stat
};
constexpr GroupFiles kVersion1 = {
    "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_active_file", "total_inactive_file"}};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", {"active_file", "inactive_file"}};

std::optional<MemoryLimit> LimitOf(const GroupFolder& group) {
  const GroupFiles& files = group.version == 1 ? kVersion1 : kVersion2;
  const auto limit = NumberIn(absl::StrCat(group.path, "/", files.limit));
  if (!limit || *limit >= kUnlimited) return std::nullopt;
  int64_t used = NumberIn(absl::StrCat(group.path, "/", files.usage)).value_or(0);
  const std::string stat = ReadSystemFile(absl::StrCat(group.path, "/memory.stat")).value_or("");
  for (const char* name : files.pages_of_files) used -= Field(stat, name).value_or(0);
  return MemoryLimit{*limit - std::max<int64_t>(0, used),
                     absl::StrCat("the control group's ", files.limit)};
}

std::optional<int64_t> OwnLimit(__rlimit_resource resource) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur, kUnlimited));
}

}  // namespace

MemoryUlimits OwnMemoryUlimits() { return {OwnLimit(RLIMIT_AS), OwnLimit(RLIMIT_DATA)}; }

std::optional<MemoryLimit> TightestMemoryLimit(const std::string& root,
                                               const MemoryUlimits& ulimits) {
  std::vector<MemoryLimit> limits;
  for (const GroupFolder& group : GroupFolders(root, "memory")) {
    if (const auto limit = LimitOf(group)) limits.push_back(*limit);
  }
  const std::string status = ReadSystemFile(absl::StrCat(root, "/proc/self/status")).value_or("");
  if (ulimits.address_space) {
    limits.push_back({*ulimits.address_space - Field(status, "VmSize").value_or(0), "ulimit -v"});
  }
  if (ulimits.data) {
    limits.push_back({*ulimits.data - Field(status, "VmData").value_or(0), "ulimit -d"});
  }
  const std::string machine = ReadSystemFile(absl::StrCat(root, "/proc/meminfo")).value_or("");
  if (const auto available = Field(machine, "MemAvailable")) {
    limits.push_back({*available, "the machine's free memory"});
  }
  if (limits.empty()) return std::nullopt;
  MemoryLimit tightest = *std::min_element(
      limits.begin(), limits.end(), [](const auto& a, const auto& b) { return a.left < b.left; });
  tightest.left = std::max<int64_t>(0, tightest.left);
  return tightest;
}

absl::Status CheckMemoryLeft(int64_t bytes, absl::string_view purpose) {
  const std::optional<MemoryLimit> limit = TightestMemoryLimit("/", OwnMemoryUlimits());
  if (!limit || bytes <= limit->left) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("needs ", Megabytes(bytes), " of memory ",
                                                   purpose, ", ", limit->name, " leaves ",
                                                   Megabytes(limit->left)));
}

std::string Megabytes(int64_t bytes) {
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace lluda::runtime
