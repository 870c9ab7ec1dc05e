// How much more memory this process may take before the system refuses it, or ends it.
//
//   absl::Status left = CheckMemoryLeft(bytes, "to be compiled");
//   // "needs 64.0 MB of memory to be compiled, the control group's memory.max leaves 12.5 MB"
//
// Counts the limits of control groups, version 1 and 2, those above this process's own included;
// `ulimit -v` and `ulimit -d`; and the machine's free memory. Files in the page cache count as
// free: the system drops them when memory is wanted. Swap counts for nothing.
#ifndef LLUDA_RUNTIME_MACHINE_MEMORY_LIMIT_H_
#define LLUDA_RUNTIME_MACHINE_MEMORY_LIMIT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lluda::runtime {

struct MemoryLimit {
  int64_t left = 0;  // bytes, at least 0
  std::string name;  // "the control group's memory.max", "ulimit -v", "the machine's free memory"
};

// In bytes; nullopt where there is no limit.
struct MemoryUlimits {
  std::optional<int64_t> address_space;  // ulimit -v
  std::optional<int64_t> data;           // ulimit -d
};
MemoryUlimits OwnMemoryUlimits();

// The limit that leaves least. `root` is the folder that holds sys/ and proc/ ("/" in earnest).
// What cannot be read sets no limit; nullopt if nothing does.
std::optional<MemoryLimit> TightestMemoryLimit(const std::string& root,
                                               const MemoryUlimits& ulimits);

// ResourceExhausted, with what is needed and what is left, if this process may not take so many
// bytes more.
absl::Status CheckMemoryLeft(int64_t bytes, absl::string_view purpose);

// "12.5 MB".
std::string Megabytes(int64_t bytes);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_MEMORY_LIMIT_H_
