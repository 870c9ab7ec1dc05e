// The features of the CPU that compiled code may need, by the names that machine/isa.def uses.
//
//   absl::Status status = CheckCpuFeatures({"avx2", "avx512bf16"});
//   // FailedPrecondition: this CPU lacks avx512bf16
#ifndef LLUDA_RUNTIME_MACHINE_CPU_FEATURES_H_
#define LLUDA_RUNTIME_MACHINE_CPU_FEATURES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace lluda::runtime {

// Asks the operating system for AMX's tile registers, which a process has to do before it touches
// them; for all threads, and once is enough. False if there are none or it refuses.
bool SystemGrantsAmx();

// OK if this CPU has all of them and the operating system lets this process use them; AMX is asked
// for. A name that is not known counts as lacking. The message names all that are lacking.
absl::Status CheckCpuFeatures(const std::vector<std::string>& names);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_CPU_FEATURES_H_
