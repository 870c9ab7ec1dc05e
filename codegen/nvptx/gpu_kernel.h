// Emits one kernel for a GPU: KernelSpec -> an LLVM function, plus what the runtime must know to
// call it.
//
// Example: EmitGpuKernel of a bf16 matmul writes a warp for each column and says that a work item is
// 8 columns of up to 8 rows.
#ifndef LLUDA_CODEGEN_NVPTX_GPU_KERNEL_H_
#define LLUDA_CODEGEN_NVPTX_GPU_KERNEL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/backend.h"
#include "codegen/kernel_spec.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen {

// Unimplemented, naming op and types, when this op on these layouts has no kernel.
absl::StatusOr<KernelInfo> EmitGpuKernel(const KernelSpec& spec, const Form& form,
                                         const Target& target,
                                         const std::vector<std::string>& symbols,
                                         const std::string& name, llvm::Module* module);

// As Backend::ManyRows and MayGroup.
std::optional<Backend::Many> GpuManyRows(const KernelSpec& spec);
bool MayGroupOnGpu(const KernelSpec* norm, const std::vector<KernelSpec>& specs);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_NVPTX_GPU_KERNEL_H_
