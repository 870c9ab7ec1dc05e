#include "codegen/nvptx/gpu_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "codegen/nvptx/fingerprint.h"
#include "codegen/nvptx/gpu_kernel.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::codegen {
namespace {

// The host can call none of them.
class PtxLibrary : public KernelLibrary {
 public:
  runtime::KernelFn Find(const std::string&) const override { return nullptr; }
};

}  // namespace

std::string GpuBackend::Version() const {
  std::vector<std::string> features = target_.features;
  std::sort(features.begin(), features.end());
  const std::string form = gpu_ != nullptr ? absl::StrCat(gpu_->name, " ", gpu_->ptx)
                                           : absl::StrCat("simulated ", row_.name, " with ",
                                                          absl::StrJoin(features, ","));
  return absl::StrCat(kGpuCodegenFingerprint, "\nllvm ", LlvmVersion(), "\n", form);
}

KernelSpec GpuBackend::SpecOf(const ir::Op& op) const { return codegen::SpecOf(op); }

std::optional<Backend::Many> GpuBackend::ManyRows(const KernelSpec& spec) const {
  return GpuManyRows(spec);
}

bool GpuBackend::MayGroup(const KernelSpec* norm, const std::vector<KernelSpec>& specs) const {
  return MayGroupOnGpu(norm, specs);
}

absl::StatusOr<KernelInfo> GpuBackend::Emit(const KernelSpec& spec, const std::string& name) {
  KernelSource emitted = KernelSource::OfModule(name);
  const Form form = {gpu_ == nullptr, gpu_ != nullptr && gpu_->overlaps, row_.tiles};
  // A GPU multiplies and adds in one step and knows no instruction of a newer CPU, and what simulates
  // one gives its bits.
  Target scalar = target_;
  scalar.isa = gpu_ != nullptr ? machine::Isa::kAvx2 : std::min(target_.isa, machine::Isa::kAvx2);
  ASSIGN_OR_RETURN(KernelInfo info,
                   EmitGpuKernel(spec, form, scalar, symbols_, name, emitted.module.get()));
  emitted_[name] = std::move(emitted);
  return info;
}

void GpuBackend::AddObject(const std::string& name, std::string object) {
  emitted_[name] = KernelSource::OfObject(std::move(object));
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> GpuBackend::Finish(
    const std::vector<std::string>& names, const ObjectListener& listener) {
  if (gpu_ == nullptr) {
    JitOptions options = options_;
    options.listener = listener;
    return CompileKernels(target_, options, names, std::exchange(emitted_, {}));
  }
  RETURN_IF_ERROR(FinishPtx(names, listener));
  return std::make_unique<PtxLibrary>();
}

absl::Status GpuBackend::FinishPtx(const std::vector<std::string>& names,
                                   const ObjectListener& listener) {
  const auto count = static_cast<int64_t>(names.size());
  std::vector<absl::StatusOr<std::string>> texts(names.size(), std::string());
  runtime::ThreadPool pool(options_.threads);
  pool.ParallelFor(count, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      KernelSource& emitted = emitted_.at(names[static_cast<size_t>(i)]);
      absl::StatusOr<std::string>& text = texts[static_cast<size_t>(i)];
      if (emitted.module == nullptr) {
        text = std::move(emitted.object);
        continue;
      }
      text = PtxOf(*gpu_, emitted.module.get());
      if (text.ok() && listener) listener(names[static_cast<size_t>(i)], *text);
    }
  });
  emitted_.clear();
  for (size_t i = 0; i < names.size(); ++i) {
    RETURN_IF_ERROR(texts[i].status());
    ptx_[names[i]] = *std::move(texts[i]);
  }
  return absl::OkStatus();
}

}  // namespace lluda::codegen
