// Runs a compiled program call by call beside the interpreter: which kernel is the first whose
// result is wrong, given right inputs.
//
//   absl::StatusOr<std::optional<Finding>> found =
//       VerifyKernels(module, compiled->program, target, {&weights}, run);
#ifndef LLUDA_TOOLS_VERIFY_VERIFY_KERNELS_H_
#define LLUDA_TOOLS_VERIFY_VERIFY_KERNELS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "runtime/device.h"
#include "runtime/executable.h"
#include "runtime/program.h"
#include "tools/verify/verify_run.h"

namespace lluda::tools {

// How far a kernel's result may be off: sums in another order and polynomials for exp and the like;
// where it is rounded to 16 bits, elements that are rounded to a neighbour.
inline constexpr double kKernelBound = 1e-9;
inline constexpr double kRoundedKernelBound = 1e-5;

// What the kernels read: the checkpoint, for a load list; or what one left, as
// Executable::CreateLoaded takes it, for a program without.
struct KernelMemory {
  runtime::WeightSource* weights = nullptr;
  const char* loaded = nullptr;
};

// `program` is what `module` was compiled to for `target`, or would have been before it was cut
// down to fewer layers: calls of the others are left out. After each call its result is compared
// with the interpreter's and replaced by it, so that an error is found where it is made; packed
// weights and caches are compared and left. The calls run one after the other on one thread. The
// finding's repro is the statement alone. Internal where all agree on results that are NaN.
absl::StatusOr<std::optional<Finding>> VerifyKernels(const ir::Module& module,
                                                     const runtime::Program& program,
                                                     const codegen::Target& target,
                                                     const KernelMemory& memory,
                                                     const VerifyRun& run);

// The same of a program for this device, which is no CPU; a statement that a call computes beside
// others is compared by itself. Errors are the device's, too.
absl::StatusOr<std::optional<Finding>> VerifyKernels(const ir::Module& module,
                                                     const runtime::Program& program,
                                                     runtime::Device* device,
                                                     const KernelMemory& memory,
                                                     const VerifyRun& run);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VERIFY_VERIFY_KERNELS_H_
