// The distinct kernels of a module: each spec is emitted and compiled once, by a back end.
//
// Example: Add(SpecOf(op)) returns the same index for every layer's copy of an op.
#ifndef LLUDA_CODEGEN_KERNEL_SET_H_
#define LLUDA_CODEGEN_KERNEL_SET_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/files/file_cache.h"
#include "codegen/backend.h"
#include "codegen/kernel_spec.h"
#include "runtime/program.h"

namespace lluda::codegen {

class KernelSet {
 public:
  // `symbols` are the module's, in its order. The back end must outlive the set.
  KernelSet(Backend* backend, std::vector<std::string> symbols)
      : backend_(backend), symbols_(std::move(symbols)) {}

  // Takes kernels that earlier runs compiled from there, and stores those that are new. It must
  // outlive Compile. Only for a back end whose Finish is called.
  void UseCache(const base::CodeCache* cache) { cache_ = cache; }

  const Backend& backend() const { return *backend_; }

  int SymbolIndex(const std::string& name) const { return IndexOf(name, symbols_); }

  // The kernel's index in `kernels()`.
  absl::StatusOr<uint32_t> Add(const KernelSpec& spec);

  // Forgets kernels whose flag is not set. Returns the others' new indices, by the old ones.
  std::vector<uint32_t> KeepOnly(const std::vector<bool>& keep);

  // Finishes all of them and fills in the addresses of those that the host can call.
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Compile();

  const std::vector<runtime::Kernel>& kernels() const { return kernels_; }
  // What a kernel was added for.
  const KernelSpec& spec(uint32_t kernel) const { return specs_[kernel]; }
  // How many of them came from the cache.
  int64_t cached() const { return cached_; }

 private:
  absl::StatusOr<uint32_t> AddNew(const KernelSpec& spec, const std::string& key);
  static int IndexOf(const std::string& symbol, const std::vector<std::string>& symbols);
  runtime::Kernel KernelOf(const KernelSpec& spec, const std::string& name,
                           const KernelInfo& info) const;
  // All that a kernel's code and the numbers beside it depend on.
  std::string CacheKey(const KernelSpec& spec, const std::string& name,
                       const std::string& key) const;
  // The kernel, if the cache has it.
  bool AddCached(const KernelSpec& spec, const std::string& name, const std::string& key);
  void StoreNew(const std::map<std::string, std::string>& objects) const;

  Backend* backend_;
  std::vector<std::string> symbols_;
  std::map<std::string, uint32_t> index_by_key_;
  std::vector<runtime::Kernel> kernels_;
  std::vector<KernelSpec> specs_;  // of the same
  const base::CodeCache* cache_ = nullptr;
  int64_t cached_ = 0;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_SET_H_
