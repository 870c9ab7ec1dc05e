// Kernels that are emitted and not compiled yet, and code for this process of them.
//
//   EmittedKernels kernels;
//   kernels["rmsnorm_1"] = EmittedKernel::Empty("rmsnorm_1");   // then a function is written into .module
//   kernels["add_2"] = EmittedKernel::Compiled(object);         // a cache had it
//   auto library = CompileKernels(target, {/*threads=*/2}, {"rmsnorm_1", "add_2"}, std::move(kernels));
#ifndef LLUDA_CODEGEN_LLVM_EMITTED_KERNELS_H_
#define LLUDA_CODEGEN_LLVM_EMITTED_KERNELS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/kernel_library.h"
#include "codegen/llvm/jit.h"
#include "codegen/llvm/target.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace lluda::codegen {

struct EmittedKernel {
  // With an LLVM module of that name in a context of its own, so that kernels compile in parallel.
  static EmittedKernel Empty(const std::string& name);
  // With what a listener was given earlier, in place of a module.
  static EmittedKernel Compiled(std::string object);

  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;  // null if there is an object
  std::string object;
};

// By their names.
using EmittedKernels = std::map<std::string, EmittedKernel>;

// The code of the kernels named, which are all there.
absl::StatusOr<std::unique_ptr<KernelLibrary>> CompileKernels(const Target& target,
                                                              const JitOptions& options,
                                                              const std::vector<std::string>& names,
                                                              EmittedKernels kernels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_EMITTED_KERNELS_H_
