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
#include "bundle/code_cache.h"
#include "codegen/jit.h"
#include "codegen/kernel.h"
#include "codegen/kernel_spec.h"
#include "runtime/program.h"

namespace lluda::codegen {

// Whether each kernel is an LLVM module of its own, so that they compile side by side, or all are
// in one, which becomes one object file.
enum class Units : uint8_t { kPerKernel, kOne };

class KernelSet {
 public:
  // `symbols` as in KernelArgs::dims.
  KernelSet(const Target& target, std::vector<std::string> symbols, Units units = Units::kPerKernel)
      : target_(target), symbols_(std::move(symbols)), units_(units) {}

  // Takes kernels that earlier runs compiled from there, and stores those that are new. It must
  // outlive Compile. Only for Units::kPerKernel.
  void UseCache(const bundle::CodeCache* cache) { cache_ = cache; }

  // The kernel's index in `kernels()`.
  absl::StatusOr<uint32_t> Add(const KernelSpec& spec);

  // Compiles all of them and fills in their addresses. The listener is the set's own.
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Compile(JitOptions options);

  // For Units::kOne: the module with all kernels, each a function of its name; null if there are
  // none. Give it to ObjectFile, in jit.h.
  llvm::Module* module() { return emitted_.empty() ? nullptr : emitted_.front().module.get(); }

  const std::vector<runtime::Kernel>& kernels() const { return kernels_; }
  // How many of them came from the cache.
  int64_t cached() const { return cached_; }

 private:
  int SymbolIndex(const std::string& name) const;
  // Multiplies by ceil(extent / divisor).
  void AddFactor(const ir::Extent& extent, int64_t divisor, runtime::Work* work) const;
  // The module that a new kernel of this name is written to.
  llvm::Module* ModuleFor(const std::string& name);
  // All that a kernel's code and the numbers beside it depend on.
  std::string CacheKey(const std::string& name, const std::string& key) const;
  // The kernel, if the cache has it.
  bool AddCached(const std::string& name, const std::string& key);
  void StoreNew(const std::map<std::string, std::string>& objects) const;

  const Target& target_;
  std::vector<std::string> symbols_;
  Units units_;
  std::map<std::string, uint32_t> index_by_key_;
  std::vector<runtime::Kernel> kernels_;
  const bundle::CodeCache* cache_ = nullptr;
  int64_t cached_ = 0;
  // Kernel i's LLVM module, each in a context of its own so that they compile in parallel; or the
  // one module.
  struct Emitted {
    std::unique_ptr<llvm::LLVMContext> context;
    std::unique_ptr<llvm::Module> module;
    std::string object;  // in place of the module, if the cache had it
  };
  std::vector<Emitted> emitted_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_SET_H_
