#include "codegen/kernel_set.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace lluda::codegen {

int KernelSet::SymbolIndex(const std::string& name) const {
  const auto it = std::find(symbols_.begin(), symbols_.end(), name);
  CHECK(it != symbols_.end()) << "symbol " << name << " is not declared";
  return static_cast<int>(it - symbols_.begin());
}

absl::StatusOr<uint32_t> KernelSet::Add(const KernelSpec& spec) {
  const std::string key = KeyOf(spec);
  const auto known = index_by_key_.find(key);
  if (known != index_by_key_.end()) return known->second;
  const auto index = static_cast<uint32_t>(kernels_.size());
  const std::string name = absl::StrCat(StemOf(spec), "_", IsaName(target_.isa), "_", index);
  Emitted emitted;
  emitted.context = std::make_unique<llvm::LLVMContext>();
  emitted.module = std::make_unique<llvm::Module>(name, *emitted.context);
  absl::StatusOr<KernelInfo> info = EmitKernel(spec, target_, symbols_, name, emitted.module.get());
  if (!info.ok()) return info.status();
  runtime::Kernel kernel;
  kernel.name = name;
  kernel.item_cost = info->item_cost;
  kernel.scratch_bytes = info->scratch_bytes;
  kernel.item_read_bytes = info->item_read_bytes;
  if (!info->cost_symbol.empty()) kernel.cost_symbol = SymbolIndex(info->cost_symbol);
  for (size_t i = 0; i < info->work_axes.size(); ++i) {
    const ir::Extent& extent = info->work_axes[i].extent;
    const int64_t block = i + 1 == info->work_axes.size() ? info->block : 1;
    if (extent.is_constant()) {
      kernel.work.constant *= (extent.value + block - 1) / block;
    } else {
      kernel.work.factors.push_back({SymbolIndex(extent.symbol), block});
    }
  }
  kernels_.push_back(std::move(kernel));
  emitted_.push_back(std::move(emitted));
  index_by_key_.emplace(key, index);
  return index;
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> KernelSet::Compile(const JitOptions& options) {
  absl::StatusOr<std::unique_ptr<Jit>> jit = Jit::Create(target_, options);
  if (!jit.ok()) return jit.status();
  std::vector<std::string> names;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    names.push_back(kernels_[i].name);
    absl::Status added =
        (*jit)->AddModule(std::move(emitted_[i].context), std::move(emitted_[i].module));
    if (!added.ok()) return added;
  }
  emitted_.clear();
  absl::StatusOr<std::unique_ptr<KernelLibrary>> library = std::move(**jit).Compile(names);
  if (!library.ok()) return library.status();
  for (runtime::Kernel& kernel : kernels_) kernel.fn = (*library)->Find(kernel.name);
  return library;
}

}  // namespace lluda::codegen
