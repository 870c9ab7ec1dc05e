#include "codegen/cpu/kernel_text.h"

#include "base/status_macros.h"
#include "codegen/cpu/kernel.h"
#include "codegen/llvm/jit.h"

namespace lluda::codegen {

absl::StatusOr<std::string> KernelText(const KernelSpec& spec, const Target& target,
                                       const std::vector<std::string>& symbols,
                                       const std::string& name, KernelForm form) {
  llvm::LLVMContext context;
  llvm::Module module(name, context);
  RETURN_IF_ERROR(EmitKernel(spec, target, symbols, name, &module));
  return form == KernelForm::kLlvm ? LlvmIr(target, &module) : Assembly(target, &module);
}

}  // namespace lluda::codegen
