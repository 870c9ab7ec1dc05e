// A bundle's program for a GPU.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "engine/bundle_program.h"
#include "engine/gpu_memory.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/cuda/machine_code.h"

namespace lluda::engine {

absl::StatusOr<BundleProgram> ProgramForGpu(const bundle::Bundle& bundle,
                                            const LoadOptions& options, int64_t context,
                                            runtime::ThreadPool* pool) {
  ASSIGN_OR_RETURN(bundle::GpuRunnable runnable, bundle.PrepareForGpu());
  ASSIGN_OR_RETURN(std::shared_ptr<const runtime::CudaGpu> gpu,
                   runtime::CudaGpu::Open(runtime::kCudaDriverLibrary));
  bundle::GpuPart& part = runnable.part;
  if (absl::Status runs = gpu->CheckRuns(part.target); !runs.ok()) {
    return absl::Status(runs.code(), absl::StrCat(bundle.path(), ": ", runs.message()));
  }
  // Machine code of another kind of GPU, or of a later driver, is of no use here.
  const bool fits = part.major == gpu->major() && part.minor == gpu->minor() &&
                    part.driver <= gpu->driver().version();
  for (auto& [name, kernel] : part.kernels) {
    if (!fits) kernel.machine_code.clear();
  }
  runtime::MakeMachineCode(*gpu, options.code_cache, pool, &part.kernels);
  RETURN_IF_ERROR(CheckGpuMemory(*gpu, bundle.path(), runnable.program, context));
  auto device = std::make_unique<runtime::CudaDevice>(gpu, std::move(part.kernels), pool);
  return BundleProgram{std::move(runnable.program), std::move(device)};
}

}  // namespace lluda::engine
