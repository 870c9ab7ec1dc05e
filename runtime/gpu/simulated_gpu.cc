#include "runtime/gpu/simulated_gpu.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "runtime/memory_need.h"

namespace lluda::runtime {
namespace {

// So many chunks of blocks a thread, so that threads end at about the same time.
constexpr int64_t kChunksPerThread = 8;

}  // namespace

absl::Status SimulatedGpu::Prepare(const Program& program) {
  program_ = &program;
  for (const Kernel& kernel : program.kernels) {
    if (kernel.scratch_bytes <= kMaxTileBytes) continue;
    return absl::InvalidArgumentError(absl::StrCat(kernel.name, ": its blocks share ",
                                                   kernel.scratch_bytes, " bytes, of ",
                                                   kMaxTileBytes, " at most"));
  }
  for (int i = 0; i < pool_->threads(); ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<BlockRunner> runner, BlockRunner::Create());
    runners_.push_back(std::move(runner));
  }
  ASSIGN_OR_RETURN(workspace_,
                   Memory::Allocate(kWorkspaceCounterBytes + WorkspaceBytes(program, kBlockWarps),
                                    Pages::kSmall, "a simulated GPU's workspace"));
  return absl::OkStatus();
}

bool SimulatedGpu::RunRegion(const Region& region) {
  for (const BoundCall& call : region.calls) RunCall(call);
  return pool_->threads() > 1;
}

void SimulatedGpu::RunCall(const BoundCall& call) {
  const Kernel& kernel = program_->kernels[call.kernel];
  const int64_t grain = std::max<int64_t>(1, call.items / (kChunksPerThread * pool_->threads()));
  pool_->ParallelFor(call.items, grain, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      absl::Status ran = runners_[static_cast<size_t>(thread)]->Run(
          kernel.fn, call.buffers, call.dims, call.first_item + item, workspace_.data(),
          std::max(kMaxSharedBytes, kernel.scratch_bytes));
      if (ran.ok()) continue;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (status_.ok()) {
        status_ = absl::InternalError(absl::StrCat(kernel.name, ": ", ran.message()));
      }
    }
  });
}

absl::Status SimulatedGpu::Wait() { return std::exchange(status_, absl::OkStatus()); }

}  // namespace lluda::runtime
