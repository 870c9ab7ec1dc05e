// A GPU as a back end: kernels as PTX, which the CUDA driver compiles for the GPU that there is, or
// the very same kernels for this CPU, to be run by runtime/gpu/simulated_gpu.h.
//
//   GpuBackend backend(FindGpu(9, 0), Target::Host(), SymbolNames(*module), {/*threads=*/2});
//   auto compiled = Compile(*module, &backend, {"step"}, nullptr);
//   runtime::CudaDevice device(gpu, backend.ptx());
//
// The module's matrices are in the panels of GpuPanelShapeOf, or in rows.
#ifndef LLUDA_CODEGEN_NVPTX_GPU_BACKEND_H_
#define LLUDA_CODEGEN_NVPTX_GPU_BACKEND_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codegen/backend.h"
#include "codegen/llvm/jit.h"
#include "codegen/llvm/kernel_sources.h"
#include "codegen/llvm/target.h"
#include "codegen/nvptx/ptx.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen {

class GpuBackend : public Backend {
 public:
  // For a GPU, or, if `gpu` is null, simulated as the row `simulated`. `symbols` as in
  // KernelArgs::dims. The target is the CPU that simulates, and must outlive the back end.
  GpuBackend(const Gpu* gpu, const Target& target, std::vector<std::string> symbols,
             const JitOptions& options = {}, const Gpu& simulated = AllGpus().back())
      : gpu_(gpu),
        row_(gpu != nullptr ? *gpu : simulated),
        target_(target),
        symbols_(std::move(symbols)),
        options_(options) {}

  std::string Name() const override { return "gpu"; }
  std::string Version() const override;
  KernelSpec SpecOf(const ir::Op& op) const override;
  std::optional<Many> ManyRows(const KernelSpec& spec) const override;
  bool MayGroup(const KernelSpec* norm, const std::vector<KernelSpec>& specs) const override;
  absl::StatusOr<KernelInfo> Emit(const KernelSpec& spec, const std::string& name) override;
  void AddObject(const std::string& name, std::string object) override;
  absl::StatusOr<std::unique_ptr<KernelLibrary>> Finish(const std::vector<std::string>& names,
                                                        const ObjectListener& listener) override;

  // After Finish: the kernels' PTX, by their names. Empty if they are simulated.
  const std::map<std::string, std::string>& ptx() const { return ptx_; }

 private:
  absl::Status FinishPtx(const std::vector<std::string>& names, const ObjectListener& listener);

  const Gpu* gpu_;
  const Gpu& row_;
  const Target& target_;
  std::vector<std::string> symbols_;
  JitOptions options_;
  KernelSources emitted_;
  std::map<std::string, std::string> ptx_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_NVPTX_GPU_BACKEND_H_
