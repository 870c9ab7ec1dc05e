// Emits one kernel: KernelSpec -> an LLVM function, plus what the runtime must know to call it.
//
// Example: EmitKernel for a bf16 matmul on avx512bf16 writes tiles of 12 rows x 2 panels and says
// that one work item is a pair of panels.
#ifndef LLUDA_CODEGEN_CPU_KERNEL_H_
#define LLUDA_CODEGEN_CPU_KERNEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/backend.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Unimplemented, naming op and types, when this op on these layouts has no kernel.
absl::StatusOr<KernelInfo> EmitKernel(const KernelSpec& spec, const Target& target,
                                      const std::vector<std::string>& symbols,
                                      const std::string& name, llvm::Module* module);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_KERNEL_H_
