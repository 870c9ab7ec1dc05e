// The CPU as a back end: kernels as LLVM functions, linked into this process or into one object.
//
//   CpuBackend backend(Target::Host(), SymbolNames(*module), KernelModules::kPerKernel, {/*threads=*/2});
//   auto compiled = Compile(*module, &backend, {"step"}, nullptr);   // or as cpu_compile.h does
#ifndef LLUDA_CODEGEN_CPU_CPU_BACKEND_H_
#define LLUDA_CODEGEN_CPU_CPU_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "codegen/llvm/jit.h"
#include "codegen/llvm/kernel_sources.h"
#include "codegen/llvm/target.h"

namespace lluda::codegen {

// Whether each kernel is an LLVM module of its own, so that they compile side by side, or all are
// in one, which becomes one object file.
enum class KernelModules : uint8_t { kPerKernel, kOne };

class CpuBackend : public Backend {
 public:
  // `symbols` as in KernelArgs::dims. The target must outlive the back end.
  CpuBackend(const Target& target, std::vector<std::string> symbols, KernelModules modules,
             const JitOptions& options = {})
      : target_(target), symbols_(std::move(symbols)), modules_(modules), options_(options) {}

  std::string Name() const override;
  std::string Version() const override;
  KernelSpec SpecOf(const ir::Op& op) const override;
  bool BindsDims() const override { return true; }
  absl::StatusOr<KernelInfo> Emit(const KernelSpec& spec, const std::string& name) override;
  void AddObject(const std::string& name, std::string object) override;
  // For KernelModules::kPerKernel.
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Finish(const std::vector<std::string>& names,
                                                        const ObjectListener& listener) override;

  // For KernelModules::kOne: the module with all kernels, each a function of its name; null if there are
  // none. Give it to ObjectFile, in jit.h.
  llvm::Module* module() {
    return emitted_.empty() ? nullptr : emitted_.begin()->second.module.get();
  }

 private:
  const Target& target_;
  std::vector<std::string> symbols_;
  KernelModules modules_;
  JitOptions options_;
  // Each kernel's, or the one module under the name of its first kernel.
  KernelSources emitted_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_CPU_BACKEND_H_
