#include "codegen/cpu/kernel_text.h"

#include "codegen/llvm/jit.h"
#include "codegen/cpu/kernel.h"

namespace lluda::codegen {

absl::StatusOr<std::string> KernelText(const KernelSpec& spec, const Target& target,
                                       const std::vector<std::string>& symbols,
                                       const std::string& name, KernelForm form) {
  llvm::LLVMContext context;
  llvm::Module module(name, context);
  const absl::StatusOr<KernelInfo> info = EmitKernel(spec, target, symbols, name, &module);
  if (!info.ok()) return info.status();
  return form == KernelForm::kLlvm ? LlvmIr(target, &module) : Assembly(target, &module);
}

}  // namespace lluda::codegen
