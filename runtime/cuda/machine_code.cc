#include "runtime/cuda/machine_code.h"

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"

namespace lluda::runtime {
namespace {

// Which GPU code is compiled for (CU_JIT_TARGET), that of the context if nothing is said.
constexpr int kTarget = 9;
// Added to a target whose code uses what it has alone (CU_COMPUTE_ACCELERATED_TARGET_BASE).
constexpr int kOwnTarget = 0x10000;
// CU_JIT_INPUT_PTX.
constexpr int kPtxInput = 1;

// Whether the PTX is for one architecture alone: ".target sm_90a".
bool IsForOneArchitecture(absl::string_view ptx) {
  const size_t begin = ptx.find(".target ");
  if (begin == absl::string_view::npos) return false;
  absl::string_view target = ptx.substr(begin);
  target = target.substr(0, target.find_first_of(",\n"));
  return absl::EndsWith(target, "a");
}

// The first line is what `lluda cache ls` shows.
std::string KeyOf(const CudaGpu& gpu, const std::string& name, const std::string& ptx) {
  return absl::StrCat(name, " for compute capability ", gpu.major(), ".", gpu.minor(), "\ndriver ",
                      gpu.driver().version(), "\nPTX ", base::HexOf(base::Sha256(ptx)));
}

// Empty if the driver refuses.
std::string Compiled(const CudaGpu& gpu, const std::string& name, const std::string& ptx) {
  const CudaDriver& driver = gpu.driver();
  int option = kTarget;
  const auto target = static_cast<size_t>(10 * gpu.major() + gpu.minor() + kOwnTarget);
  void* value = reinterpret_cast<void*>(target);
  CudaLink link = nullptr;
  std::string code;
  if (!gpu.Use().ok() ||
      driver.LinkCreate(IsForOneArchitecture(ptx) ? 1 : 0, &option, &value, &link) != 0) {
    return code;
  }
  std::string text = ptx;  // the driver takes no constant
  void* image = nullptr;
  size_t bytes = 0;
  if (driver.LinkAddData(link, kPtxInput, text.data(), text.size() + 1, name.c_str(), 0, nullptr,
                         nullptr) == 0 &&
      driver.LinkComplete(link, &image, &bytes) == 0) {
    code.assign(static_cast<const char*>(image), bytes);
  }
  driver.LinkDestroy(link);
  return code;
}

}  // namespace

int64_t MakeMachineCode(const CudaGpu& gpu, const base::CodeCache* cache, ThreadPool* pool,
                        GpuKernels* kernels) {
  std::vector<GpuKernels::value_type*> wanted;
  for (auto& kernel : *kernels) {
    if (kernel.second.machine_code.empty()) wanted.push_back(&kernel);
  }
  std::atomic<int64_t> kept = 0, stored = 0;
  pool->ParallelFor(static_cast<int64_t>(wanted.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      auto& [name, kernel] = *wanted[static_cast<size_t>(i)];
      const std::string key = cache != nullptr ? KeyOf(gpu, name, kernel.ptx) : "";
      if (cache != nullptr) kernel.machine_code = cache->Find(key).value_or("");
      if (!kernel.machine_code.empty()) {
        ++kept;
        continue;
      }
      kernel.machine_code = Compiled(gpu, name, kernel.ptx);
      // What cannot be stored is compiled again next time.
      if (cache != nullptr && !kernel.machine_code.empty() &&
          cache->Store(key, kernel.machine_code).ok()) {
        ++stored;
      }
    }
  });
  if (stored > 0) (void)cache->KeepBound();
  return kept;
}

}  // namespace lluda::runtime
