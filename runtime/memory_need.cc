#include "runtime/memory_need.h"

#include <algorithm>
#include <vector>

#include "runtime/bound_dims.h"

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
  BoundDims dims(program);
  dims.Bind(most.data());
  int64_t bytes = 0;
  const auto add = [&](const Call& call, uint32_t kernel) {
    const Split& split = program.kernels[kernel].split;
    if (split.below == 0) return;
    bytes = std::max(bytes, split.unit_bytes * split.units.Count(dims.Of(call)));
  };
  const auto add_all = [&](const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      const Kernel& kernel = program.kernels[call.kernel];
      add(call, call.kernel);
      if (kernel.many_symbol >= 0) add(call, kernel.many);
    }
  };
  add_all(program.load);
  for (const Entry& entry : program.entries) add_all(entry.calls);
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
