#include "codegen/cpu/cpu_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "codegen/cpu/fingerprint.h"
#include "codegen/cpu/interleaved_values.h"
#include "codegen/cpu/kernel.h"

namespace lluda::codegen {

std::string CpuBackend::Name() const { return std::string(IsaName(target_.isa)); }

std::string CpuBackend::Version() const {
  // Those that are off as well: a CPU's name would bring them in.
  std::vector<std::string> features = target_.features;
  std::sort(features.begin(), features.end());
  return absl::StrCat(kCodegenFingerprint, "\nllvm ", LlvmVersion(), "\nfeatures ",
                      absl::StrJoin(features, ","));
}

KernelSpec CpuBackend::SpecOf(const ir::Op& op) const { return InterleavedSpecOf(op, target_); }

absl::StatusOr<KernelInfo> CpuBackend::Emit(const KernelSpec& spec, const std::string& name) {
  if (modules_ == KernelModules::kPerKernel || emitted_.empty()) {
    Emitted& emitted = emitted_[name];
    emitted.context = std::make_unique<llvm::LLVMContext>();
    emitted.module = std::make_unique<llvm::Module>(name, *emitted.context);
  }
  llvm::Module* module =
      modules_ == KernelModules::kOne ? this->module() : emitted_.at(name).module.get();
  absl::StatusOr<KernelInfo> info = EmitKernel(spec, target_, symbols_, name, module);
  if (!info.ok() && modules_ == KernelModules::kPerKernel) emitted_.erase(name);
  return info;
}

void CpuBackend::AddObject(const std::string& name, std::string object) {
  emitted_[name] = {nullptr, nullptr, std::move(object)};
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> CpuBackend::Finish(
    const std::vector<std::string>& names, const ObjectListener& listener) {
  JitOptions options = options_;
  options.listener = listener;
  ASSIGN_OR_RETURN(std::unique_ptr<Jit> jit, Jit::Create(target_, options));
  for (const std::string& name : names) {
    Emitted& emitted = emitted_.at(name);
    RETURN_IF_ERROR(emitted.module == nullptr
                        ? jit->AddObject(name, emitted.object)
                        : jit->AddModule(std::move(emitted.context), std::move(emitted.module)));
  }
  emitted_.clear();
  return std::move(*jit).Compile(names);
}

}  // namespace lluda::codegen
