// What kernels' code is made of, LLVM modules or objects of a cache, and code for this process of them.
//
//   KernelSources kernels;
//   kernels["rmsnorm_1"] = KernelSource::OfModule("rmsnorm_1");   // a function is to be written into it
//   kernels["add_2"] = KernelSource::OfObject(object);             // a cache had it
//   auto library = CompileKernels(target, {/*threads=*/2}, {"rmsnorm_1", "add_2"}, std::move(kernels));
#ifndef LLUDA_CODEGEN_LLVM_KERNEL_SOURCES_H_
#define LLUDA_CODEGEN_LLVM_KERNEL_SOURCES_H_

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

struct KernelSource {
  // An empty LLVM module of that name in a context of its own, so that kernels compile in parallel.
  static KernelSource OfModule(const std::string& name);
  // What a listener was given earlier, in place of a module.
  static KernelSource OfObject(std::string object);

  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;  // null if there is an object
  std::string object;
};

// By their names.
using KernelSources = std::map<std::string, KernelSource>;

// The code of the kernels named, which are all there.
absl::StatusOr<std::unique_ptr<KernelLibrary>> CompileKernels(const Target& target,
                                                              const JitOptions& options,
                                                              const std::vector<std::string>& names,
                                                              KernelSources kernels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_LLVM_KERNEL_SOURCES_H_
