// IR module -> kernels of a back end and a flat program. Knows no device: what is one's own is
// asked of the back end. The CPU's front door is cpu_compile.h.
//
// Example:
//   auto compiled = Compile(*module, &backend, {"step"}, nullptr);
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
#include "base/files/file_cache.h"
#include "codegen/backend.h"
#include "codegen/kernel_library.h"
#include "codegen/kernel_set.h"
#include "ir/graph.h"
#include "runtime/program.h"

namespace lluda::codegen {

struct CompiledModule {
  runtime::Program program;
  std::unique_ptr<KernelLibrary> library;  // owns the code that `program` points to
  int64_t cached_kernels = 0;              // those that the cache had
};

// The module's symbols in the order of KernelArgs::dims.
std::vector<std::string> SymbolNames(const ir::Module& module);

// The entries (base/step_interface.h) that the module has; the step if it has none.
std::vector<std::string> EntriesOf(const ir::Module& module);

// The call lists of the load block and of these functions, and a kernel in the set for each spec
// they need; these have no addresses yet. The module must have been planned (plan-memory). Errors:
// NotFound for a missing entry, Unimplemented for an op without a kernel, FailedPrecondition for a
// value without a place in its frame.
absl::StatusOr<runtime::Program> BuildProgram(const ir::Module& module,
                                              const std::vector<std::string>& entries,
                                              KernelSet* kernels);

// The same with the kernels compiled. `cache`: kernels of earlier runs, and where new ones are
// kept; null: none are.
absl::StatusOr<CompiledModule> Compile(const ir::Module& module, Backend* backend,
                                       const std::vector<std::string>& entries,
                                       const base::CodeCache* cache);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_COMPILE_H_
