// All passes by name.
//
// Example: CreatePass("fuse-rope", {}) makes the pass that `lluda_opt --passes=fuse-rope` runs.
#ifndef LLUDA_PASSES_REGISTRY_H_
#define LLUDA_PASSES_REGISTRY_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "machine/tiles.h"
#include "passes/framework/pass.h"
#include "passes/place/hoist_weight_ops.h"

namespace lluda::passes {

// What the passes that have a choice are given.
struct PassOptions {
  int64_t hoist_byte_limit = HoistWeightOps::kNoLimit;
  machine::DeviceKind device = machine::DeviceKind::kCpu;  // what will run the module
};

// Sorted.
std::vector<absl::string_view> AllPassNames();

// NotFound, naming all passes, when there is none of that name.
absl::StatusOr<std::unique_ptr<Pass>> CreatePass(absl::string_view name,
                                                 const PassOptions& options);

}  // namespace lluda::passes

#endif  // LLUDA_PASSES_REGISTRY_H_
