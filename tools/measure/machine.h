// What a measurement's reader has to know of the machine: its name, and who else used it.
//
//   BusyMonitor monitor;
//   ... measure ...
//   if (std::string warning = monitor.Warning(); !warning.empty()) std::cerr << warning << "\n";
#ifndef LLUDA_TOOLS_MEASURE_MACHINE_H_
#define LLUDA_TOOLS_MEASURE_MACHINE_H_

#include <chrono>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lluda::tools {

// The processor's name, "unknown" if the system does not tell.
std::string CpuName();

// Seconds of all CPUs together since the system's start.
struct CpuSeconds {
  double busy = 0;    // running some process
  double stolen = 0;  // wanted, and given to another virtual machine
};

// From /proc/stat's text: its first line, in ticks of which there are `ticks_per_second`. Nothing
// if that is not what stands there.
std::optional<CpuSeconds> ParseCpuSeconds(absl::string_view stat, double ticks_per_second);

// Which share of the machine others used between construction and now.
struct OtherUse {
  double cores = 0;   // that other processes kept busy, on average
  double stolen = 0;  // cores, on average, that the host took away
};

// One line that says so if it is enough to disturb a measurement, a twentieth of `cpus` or more;
// else nothing.
std::string BusyWarning(const OtherUse& use, int cpus);

class BusyMonitor {
 public:
  BusyMonitor();
  // Zeros where the system has no /proc/stat.
  OtherUse Use() const;
  std::string Warning() const;

 private:
  std::optional<CpuSeconds> all_;
  double own_ = 0;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_MEASURE_MACHINE_H_
