// The distinct kernels of a module: each spec is emitted and compiled once.
//
// Example: Add(SpecOf(op)) returns the same index for every layer's copy of an op.
#ifndef LLUDA_CODEGEN_KERNEL_SET_H_
#define LLUDA_CODEGEN_KERNEL_SET_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/jit.h"
#include "codegen/kernel.h"
#include "codegen/kernel_spec.h"
#include "runtime/program.h"

namespace lluda::codegen {

class KernelSet {
 public:
  // `symbols` as in KernelArgs::dims.
  KernelSet(const Target& target, std::vector<std::string> symbols)
      : target_(target), symbols_(std::move(symbols)) {}

  // The kernel's index in `kernels()`.
  absl::StatusOr<uint32_t> Add(const KernelSpec& spec);

  // Compiles all of them and fills in their addresses.
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Compile(const JitOptions& options);

  const std::vector<runtime::Kernel>& kernels() const { return kernels_; }

 private:
  int SymbolIndex(const std::string& name) const;

  const Target& target_;
  std::vector<std::string> symbols_;
  std::map<std::string, uint32_t> index_by_key_;
  std::vector<runtime::Kernel> kernels_;
  // Kernel i's LLVM module, each in a context of its own so that they compile in parallel.
  struct Emitted {
    std::unique_ptr<llvm::LLVMContext> context;
    std::unique_ptr<llvm::Module> module;
  };
  std::vector<Emitted> emitted_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_SET_H_
