#include "tools/inspect/step_reads.h"

#include "base/step_interface.h"
#include "tools/measure/accounting.h"

namespace lluda::tools {

std::optional<engine::StepReads> ReadsOf(const ir::Module& module) {
  if (module.FindFunc(step_interface::kTop) != nullptr) return std::nullopt;
  const absl::StatusOr<StepCost> cost = CountStep(module);
  if (!cost.ok()) return std::nullopt;
  engine::StepReads reads;
  reads.weights = cost->bytes;
  for (const StepCost::Cache& cache : cost->caches) {
    reads.caches.push_back({cache.window, cache.bytes});
  }
  return reads;
}

}  // namespace lluda::tools
