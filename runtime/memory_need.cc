#include "runtime/memory_need.h"

#include <algorithm>
#include <vector>

namespace lluda::runtime {
namespace {

constexpr int64_t kLineBytes = 64;

}  // namespace

int64_t ScratchBytes(const Program& program) {
  int64_t bytes = 0;
  for (const Kernel& kernel : program.kernels) bytes = std::max(bytes, kernel.scratch_bytes);
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

int64_t WorkspaceBytes(const Program& program, int threads) {
  if (threads == 1) return 0;
  const std::vector<int64_t> most = program.MaxDims();
  int64_t bytes = 0;
  for (const Kernel& kernel : program.kernels) {
    if (kernel.split.below == 0) continue;
    bytes = std::max(bytes, kernel.split.unit_bytes * kernel.split.units.Count(most.data()));
  }
  return bytes;
}

MemoryNeed MemoryNeedOf(const Program& program, int threads, absl::Span<const int64_t> dims) {
  MemoryNeed need;
  if (!program.load.empty()) need.weights = program.loaded_bytes;
  need.working =
      program.frame_bytes + ScratchBytes(program) * threads + WorkspaceBytes(program, threads);
  if (dims.empty()) return need;
  for (const Tensor& state : program.states) need.states += state.Bytes(dims);
  return need;
}

}  // namespace lluda::runtime
