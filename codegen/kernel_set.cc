#include "codegen/kernel_set.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "bundle/program_message.h"
#include "glog/logging.h"

namespace lluda::codegen {

int KernelSet::IndexOf(const std::string& symbol, const std::vector<std::string>& symbols) {
  const auto it = std::find(symbols.begin(), symbols.end(), symbol);
  CHECK(it != symbols.end()) << "symbol " << symbol << " is not declared";
  return static_cast<int>(it - symbols.begin());
}

std::string KernelSet::CacheKey(const KernelSpec& spec, const std::string& name,
                                const std::string& key) const {
  return absl::StrCat(name, "\nlluda ", bundle::kLludaVersion, " ", backend_->Version(),
                      "\nsymbols ", absl::StrJoin(SymbolsOf(spec, symbols_), ","), "\n", key);
}

bool KernelSet::AddCached(const KernelSpec& spec, const std::string& name, const std::string& key) {
  const std::optional<std::string> value = cache_->Find(CacheKey(spec, name, key));
  bundle::CachedKernel message;
  if (!value || !message.ParseFromString(*value)) return false;
  absl::StatusOr<runtime::Kernel> kernel = bundle::FromMessage(message.kernel(), symbols_.size());
  if (!kernel.ok() || kernel->dims != static_cast<int64_t>(spec.dims)) return false;
  kernels_.push_back(*std::move(kernel));
  backend_->AddObject(name, message.object());
  ++cached_;
  return true;
}

// What cannot be stored is compiled again next time.
void KernelSet::StoreNew(const std::map<std::string, std::string>& objects) const {
  if (cache_ == nullptr || objects.empty()) return;
  for (const auto& [key, index] : index_by_key_) {
    const auto object = objects.find(kernels_[index].name);
    if (object == objects.end()) continue;
    bundle::CachedKernel message;
    *message.mutable_kernel() = bundle::ToMessage(kernels_[index], 0);
    message.set_object(object->second);
    if (!cache_
             ->Store(CacheKey(specs_[index], kernels_[index].name, key),
                     message.SerializeAsString())
             .ok()) {
      return;
    }
  }
  (void)cache_->KeepBound();
}

absl::StatusOr<uint32_t> KernelSet::Add(const KernelSpec& spec) {
  const std::string key = KeyOf(spec);
  const auto known = index_by_key_.find(key);
  if (known != index_by_key_.end()) return known->second;
  ASSIGN_OR_RETURN(const uint32_t index, AddNew(spec, key));
  const std::optional<Backend::Many> many = spec.many ? std::nullopt : backend_->ManyRows(spec);
  if (!many) return index;
  KernelSpec of_many = spec;
  of_many.many = true;
  ASSIGN_OR_RETURN(const uint32_t other, Add(of_many));
  kernels_[index].many_symbol = SymbolIndex(many->symbol);
  kernels_[index].many_above = many->above;
  kernels_[index].many = other;
  return index;
}

absl::StatusOr<uint32_t> KernelSet::AddNew(const KernelSpec& spec, const std::string& key) {
  const auto index = static_cast<uint32_t>(kernels_.size());
  // The end of the name tells kernels of one stem apart, and is the same in every program.
  const std::string name = absl::StrCat(StemOf(spec), "_", backend_->Name(), "_",
                                        base::HexOf(base::Sha256(key)).substr(0, 8));
  if (cache_ != nullptr && AddCached(spec, name, key)) {
    index_by_key_.emplace(key, index);
    specs_.push_back(spec);
    return index;
  }
  ASSIGN_OR_RETURN(KernelInfo info, backend_->Emit(spec, name));
  kernels_.push_back(KernelOf(spec, name, info));
  specs_.push_back(spec);
  index_by_key_.emplace(key, index);
  return index;
}

runtime::Kernel KernelSet::KernelOf(const KernelSpec& spec, const std::string& name,
                                    const KernelInfo& info) const {
  const std::vector<std::string> symbols = SymbolsOf(spec, symbols_);
  // Multiplies by ceil((extent + more) / divisor).
  const auto add_factor = [&](const ir::Extent& extent, int64_t more, int64_t divisor,
                              runtime::Work* work) {
    if (extent.is_constant()) {
      work->constant *= (extent.value + more + divisor - 1) / divisor;
    } else {
      work->factors.push_back({IndexOf(extent.symbol, symbols), divisor, more});
    }
  };
  runtime::Kernel kernel;
  kernel.name = name;
  kernel.dims = static_cast<int64_t>(spec.dims);
  kernel.item_cost = info.item_cost;
  kernel.scratch_bytes = info.scratch_bytes;
  kernel.item_read_bytes = info.item_read_bytes;
  if (!info.cost_symbol.empty()) kernel.cost_symbol = IndexOf(info.cost_symbol, symbols);
  for (size_t i = 0; i < info.work_axes.size(); ++i) {
    const int64_t together = i + 1 == info.work_axes.size() ? info.item_rows : 1;
    add_factor(info.work_axes[i].extent, 0, together, &kernel.work);
  }
  if (info.split.below > 0) {
    kernel.split.below = info.split.below;
    kernel.split.unit_bytes = info.split.unit_bytes;
    add_factor(info.split.extent, info.split.more, info.split.unit, &kernel.split.units);
  }
  return kernel;
}

std::vector<uint32_t> KernelSet::KeepOnly(const std::vector<bool>& keep) {
  std::vector<uint32_t> places(kernels_.size(), 0);
  std::vector<runtime::Kernel> kernels;
  std::vector<KernelSpec> specs;
  for (size_t i = 0; i < kernels_.size(); ++i) {
    if (!keep[i]) continue;
    places[i] = static_cast<uint32_t>(kernels.size());
    kernels.push_back(std::move(kernels_[i]));
    specs.push_back(std::move(specs_[i]));
  }
  for (runtime::Kernel& kernel : kernels) kernel.many = places[kernel.many];
  for (auto it = index_by_key_.begin(); it != index_by_key_.end();) {
    const uint32_t before = it->second;
    it->second = places[before];
    it = keep[before] ? std::next(it) : index_by_key_.erase(it);
  }
  kernels_ = std::move(kernels);
  specs_ = std::move(specs);
  return places;
}

absl::StatusOr<std::unique_ptr<KernelLibrary>> KernelSet::Compile() {
  std::mutex mutex;
  std::map<std::string, std::string> objects;  // those compiled now, by kernel
  ObjectListener listener;
  if (cache_ != nullptr) {
    listener = [&](const std::string& kernel, absl::string_view object) {
      const std::lock_guard<std::mutex> lock(mutex);
      objects[kernel] = std::string(object);
    };
  }
  std::vector<std::string> names;
  for (const runtime::Kernel& kernel : kernels_) names.push_back(kernel.name);
  ASSIGN_OR_RETURN(std::unique_ptr<KernelLibrary> library, backend_->Finish(names, listener));
  StoreNew(objects);
  for (runtime::Kernel& kernel : kernels_) kernel.fn = library->Find(kernel.name);
  return library;
}

}  // namespace lluda::codegen
