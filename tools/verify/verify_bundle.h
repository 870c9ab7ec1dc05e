// Holds the kernels of a bundle against the interpreter, which runs the bundle's own module on the
// bundle's own weights: is the code in the file right?
//
//   absl::StatusOr<OptimisedModel> model = OpenOptimised(options, engine::Weights::kOptional);
//   absl::StatusOr<BundleVerdict> verdict = VerifyBundle(&*model, /*layers=*/1, /*tokens=*/13);
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_BUNDLE_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_BUNDLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/step_interface.h"
#include "tools/inspect/optimised_model.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

// What a run reads of a bundle's weights; `model` and `native`, what it is compiled to, must
// outlive it. The steps are empty.
VerifyRun BundleRun(const OptimisedModel& model, const NativeProgram& native);

struct BundleVerdict {
  std::optional<Finding> finding;
  int64_t kernels = 0;
};

// Runs a prompt of `tokens` tokens and one more through the first `layers` layers, which are all
// that is left of the model's module; or another entry than the step, as RunEntry says. The packed
// weights are taken to be right.
absl::StatusOr<BundleVerdict> VerifyBundle(OptimisedModel* model, int64_t layers, int64_t tokens,
                                           const std::string& entry = step_interface::kStep);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_BUNDLE_H_
