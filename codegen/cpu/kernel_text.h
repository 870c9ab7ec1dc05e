// A kernel as text, to be read: its LLVM IR as it is compiled, or its assembly.
//
//   KernelText(SpecOf(op), target, {"T", "C"}, "softmax_f32_f32_TxC", KernelForm::kAssembly)
#ifndef LLUDA_CODEGEN_CPU_KERNEL_TEXT_H_
#define LLUDA_CODEGEN_CPU_KERNEL_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/kernel_spec.h"
#include "codegen/llvm/target.h"

namespace lluda::codegen {

enum class KernelForm : uint8_t { kLlvm, kAssembly };

// `symbols` in the order of KernelArgs::dims, `name` the function's. Unimplemented as EmitKernel.
absl::StatusOr<std::string> KernelText(const KernelSpec& spec, const Target& target,
                                       const std::vector<std::string>& symbols,
                                       const std::string& name, KernelForm form);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_KERNEL_TEXT_H_
