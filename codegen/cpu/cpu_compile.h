// IR module -> native kernels of a CPU and a flat program. Runs no passes: give it the optimised
// module.
//
// Example:
//   auto compiled = Compile(*module, Target::Host(), {});
//   runtime::Executable::Create(std::move(compiled->program), ...);
#ifndef LLUDA_CODEGEN_CPU_CPU_COMPILE_H_
#define LLUDA_CODEGEN_CPU_CPU_COMPILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files/file_cache.h"
#include "base/step_interface.h"
#include "codegen/compile.h"
#include "codegen/llvm/step_function.h"
#include "codegen/llvm/target.h"
#include "ir/graph.h"
#include "runtime/program.h"

namespace lluda::codegen {

struct CompileOptions {
  int threads = 1;  // LLVM modules compiled side by side
  // The functions that become the program's entries; none: EntriesOf(module).
  std::vector<std::string> entries;
  bool perf = false;  // as in JitOptions
  bool gdb = false;
  // Kernels of earlier runs, and where new ones are kept; null: none are.
  const base::CodeCache* cache = nullptr;
};

// For this process. Errors as in compile.h.
absl::StatusOr<CompiledModule> Compile(const ir::Module& module, const Target& target,
                                       const CompileOptions& options);

// The same for a later process: `object` is a relocatable ELF file whose functions have the
// kernels' names; nothing is loaded into this process, and the kernels have no addresses yet.
struct ObjectModule {
  runtime::Program program;
  std::string object;
};
absl::StatusOr<ObjectModule> CompileToObject(const ir::Module& module, const Target& target,
                                             const std::vector<std::string>& entries = {});

// The step as an object file with a single function, NAME_step of step_function.h.
struct StepObject {
  std::string object;
  StepMemory memory;
};
absl::StatusOr<StepObject> CompileStepToObject(const ir::Module& module, const Target& target,
                                               const std::string& name, int64_t context,
                                               int64_t max_step);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_CPU_COMPILE_H_
