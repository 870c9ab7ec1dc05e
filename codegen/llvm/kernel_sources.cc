#include "codegen/llvm/kernel_sources.h"

#include <utility>

#include "base/status_macros.h"

namespace lluda::codegen {

KernelSource KernelSource::OfModule(const std::string& name) {
  KernelSource kernel;
  kernel.context = std::make_unique<llvm::LLVMContext>();
  kernel.module = std::make_unique<llvm::Module>(name, *kernel.context);
  return kernel;
}

KernelSource KernelSource::OfObject(std::string object) {
  KernelSource kernel;
  kernel.object = std::move(object);
  return kernel;
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> CompileKernels(const Target& target,
                                                              const JitOptions& options,
                                                              const std::vector<std::string>& names,
                                                              KernelSources kernels) {
  ASSIGN_OR_RETURN(std::unique_ptr<Jit> jit, Jit::Create(target, options));
  for (const std::string& name : names) {
    KernelSource& kernel = kernels.at(name);
    RETURN_IF_ERROR(kernel.module == nullptr
                        ? jit->AddObject(name, kernel.object)
                        : jit->AddModule(std::move(kernel.context), std::move(kernel.module)));
  }
  // The compiler has copies of the objects.
  kernels.clear();
  return std::move(*jit).Compile(names);
}

}  // namespace lluda::codegen
