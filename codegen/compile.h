// IR module -> native kernels and a flat program. Runs no passes: give it the optimised module.
//
// Example:
//   auto compiled = Compile(*module, Target::Host(), {});
//   runtime::Executable::Create(std::move(compiled->program), ...);
//
// Functions are laid out as activations: a call's frame starts where its caller's ends, a returned
// value lies where its caller wants it, and a loop's carried value alternates between two buffers.
// The layer loop is unrolled into the call list; the kernels are shared, so their number does not
// depend on the number of layers.
#ifndef LLUDA_CODEGEN_COMPILE_H_
#define LLUDA_CODEGEN_COMPILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/jit.h"
#include "codegen/target.h"
#include "ir/graph.h"
#include "runtime/program.h"

namespace lluda::codegen {

struct CompileOptions {
  int threads = 1;             // LLVM modules compiled side by side
  std::string entry = "step";  // the function the step list runs
  bool perf = false;           // as in JitOptions
  bool gdb = false;
};

struct CompiledModule {
  runtime::Program program;
  std::unique_ptr<KernelLibrary> library;  // owns the code that `program` points to
};

// The module must have been planned (plan-memory). Errors: NotFound for a missing entry,
// Unimplemented for an op without a kernel, FailedPrecondition for a value without a place in its
// frame.
absl::StatusOr<CompiledModule> Compile(const ir::Module& module, const Target& target,
                                       const CompileOptions& options);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_COMPILE_H_
