// How many threads are worth starting: the physical cores this process may use.
//
//   ThreadPool pool(UsablePhysicalCores());
//
// Counts cores, not hardware threads (two threads of a core share its vector units), keeps to the
// process's CPU affinity mask, and keeps to the CPU quota of its control group, version 1 or 2,
// which is what `docker run --cpus=2` sets.
#ifndef LLUDA_RUNTIME_MACHINE_CPU_COUNT_H_
#define LLUDA_RUNTIME_MACHINE_CPU_COUNT_H_

#include <string>
#include <vector>

namespace lluda::runtime {

// At least 1.
int UsablePhysicalCores();

// The CPU numbers in this process's affinity mask, ascending; empty if the system will not say.
std::vector<int> AllowedCpus();

// The number of distinct cores among `cpus`, limited by the quota. `root` is the folder that holds
// sys/ and proc/ ("/" in earnest). What cannot be read sets no limit: a CPU without topology counts
// as a core of its own. A quota is rounded to the nearest whole core. At least 1.
int PhysicalCoresAmong(const std::vector<int>& cpus, const std::string& root);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_CPU_COUNT_H_
