#include "engine/gpu_memory.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/machine/memory_limit.h"
#include "runtime/memory_need.h"
#include "runtime/session/session.h"

namespace lluda::engine {

absl::Status CheckGpuMemory(const runtime::CudaGpu& gpu, absl::string_view model,
                            const runtime::Program& program, int64_t context) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> dims,
                   runtime::StateDims(program, {/*slots=*/1, context}));
  int64_t need = runtime::MemoryNeedOf(program, /*threads=*/2, dims).total();
  int64_t packed = 0;  // the largest weight that is there only while it is packed
  for (const runtime::Weight& weight : program.weights) {
    if (weight.read_by_entries) need += weight.bytes;
    if (!weight.read_by_entries) packed = std::max(packed, weight.bytes);
  }
  need += packed;
  ASSIGN_OR_RETURN(const int64_t free, gpu.FreeBytes());
  if (need <= free) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(model, ": needs ", runtime::Megabytes(need),
                                                   " on the GPU, ", gpu.name(), ", which has ",
                                                   runtime::Megabytes(free), " left"));
}

}  // namespace lluda::engine
