// Holds the module as imported against what transformers computed: is the importer right, or is the
// fault behind it?
//
//   absl::StatusOr<std::optional<Finding>> found =
//       VerifyReference(*module, weights, *LoadReference("reference.json"), options);
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_REFERENCE_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_REFERENCE_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/source/model_files.h"
#include "ir/graph.h"
#include "tools/validate/reference.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

// Interprets `module`, which was imported with record_activations, on every prompt of the reference
// that has activations, and compares them in the order they are computed, with the bounds of
// tools/validate/bounds.h. FailedPrecondition if no prompt has any; InvalidArgument for an activation that the
// model lacks, or of another size.
absl::StatusOr<std::optional<Finding>> VerifyReference(
    const ir::Module& module,
    const std::function<absl::StatusOr<ir::Tensor>(const ir::Global& weight, int64_t index)>&
        weights,
    const std::vector<ReferencePrompt>& prompts, const engine::ModuleOptions& numbers);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_REFERENCE_H_
