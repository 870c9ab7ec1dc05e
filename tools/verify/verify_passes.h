// Runs passes one by one and interprets the module before and after each: which pass is the first
// after which a statement has another value, and which statement.
//
//   absl::StatusOr<std::optional<Finding>> found =
//       VerifyPasses(std::move(passes), run, module.get());
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_PASSES_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_PASSES_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "passes/framework/pass.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

// How far a value may be off after a pass: another order of summation.
inline constexpr double kPassBound = 1e-9;

// Leaves `module` as all passes leave it, or as the one that was found does. Values are compared by
// function, index and name, which passes keep. The finding's repro is what the statement was
// computed by before the pass: running that pass on it shows the fault. Errors of passes and of the
// interpreter are returned.
absl::StatusOr<std::optional<Finding>> VerifyPasses(
    std::vector<std::unique_ptr<passes::Pass>> passes, const VerifyRun& run, ir::Module* module);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_PASSES_H_
