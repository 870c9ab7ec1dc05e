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
    emitted_[name] = KernelSource::OfModule(name);
  }
  llvm::Module* module =
      modules_ == KernelModules::kOne ? this->module() : emitted_.at(name).module.get();
  absl::StatusOr<KernelInfo> info = EmitKernel(spec, target_, symbols_, name, module);
  if (!info.ok() && modules_ == KernelModules::kPerKernel) emitted_.erase(name);
  return info;
}

void CpuBackend::AddObject(const std::string& name, std::string object) {
  emitted_[name] = KernelSource::OfObject(std::move(object));
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> CpuBackend::Finish(
    const std::vector<std::string>& names, const ObjectListener& listener) {
  JitOptions options = options_;
  options.listener = listener;
  return CompileKernels(target_, options, names, std::exchange(emitted_, {}));
}

}  // namespace lluda::codegen
