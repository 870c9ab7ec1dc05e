#include "tools/measure/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lluda::tools {
namespace {

constexpr double kDisturbingShare = 0.05;

// Files of /proc have no size, so they are read to their end.
std::string ReadProc(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<CpuSeconds> ReadCpuSeconds() {
  return ParseCpuSeconds(ReadProc("/proc/stat"), static_cast<double>(sysconf(_SC_CLK_TCK)));
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double OwnSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

}  // namespace

std::string CpuName() {
  const std::string info = ReadProc("/proc/cpuinfo");
  for (absl::string_view line : absl::StrSplit(info, '\n')) {
    if (!absl::ConsumePrefix(&line, "model name")) continue;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    return std::string(absl::StripAsciiWhitespace(parts.second));
  }
  return "unknown";
}

// proc(5): cpu user nice system idle iowait irq softirq steal guest guest_nice; a guest's time is
// part of user's.
std::optional<CpuSeconds> ParseCpuSeconds(absl::string_view stat, double ticks_per_second) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(stat.substr(0, stat.find('\n')), ' ', absl::SkipEmpty());
  constexpr size_t kUser = 1, kNice = 2, kSystem = 3, kIrq = 6, kSoftIrq = 7, kSteal = 8;
  if (fields.size() <= kSteal || fields[0] != "cpu") return std::nullopt;
  std::vector<double> ticks(fields.size(), 0);
  for (size_t i = 1; i < fields.size(); ++i) {
    if (!absl::SimpleAtod(fields[i], &ticks[i])) return std::nullopt;
  }
  CpuSeconds seconds;
  for (const size_t field : {kUser, kNice, kSystem, kIrq, kSoftIrq}) seconds.busy += ticks[field];
  seconds.busy /= ticks_per_second;
  seconds.stolen = ticks[kSteal] / ticks_per_second;
  return seconds;
}

std::string BusyWarning(const OtherUse& use, int cpus) {
  if (use.cores + use.stolen < kDisturbingShare * cpus) return "";
  return absl::StrFormat(
      "the machine is busy: meanwhile other processes used %.2f of its %d CPUs, and its host took "
      "%.2f; the figures are too low",
      use.cores, cpus, use.stolen);
}

BusyMonitor::BusyMonitor()
    : all_(ReadCpuSeconds()), own_(OwnSeconds()), start_(std::chrono::steady_clock::now()) {}

OtherUse BusyMonitor::Use() const {
  OtherUse use;
  const std::optional<CpuSeconds> now = ReadCpuSeconds();
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (!all_ || !now || wall <= 0) return use;
  // The system counts in ticks, so that the difference may be slightly below zero.
  use.cores = std::max(0.0, (now->busy - all_->busy - (OwnSeconds() - own_)) / wall);
  use.stolen = std::max(0.0, (now->stolen - all_->stolen) / wall);
  return use;
}

std::string BusyMonitor::Warning() const {
  return BusyWarning(Use(), static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace lluda::tools
