#include "runtime/cpu_device.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status_macros.h"
#include "runtime/memory_need.h"

namespace lluda::runtime {
namespace {

// A call cheaper than this runs on the caller alone: waking the others would take as long.
constexpr int64_t kInlineNanoseconds = 6000;
// A thread takes at least this much work at a time.
constexpr int64_t kGrainNanoseconds = 4000;
// So many chunks a thread that waiting for the last one costs little, also beside a busy neighbour.
constexpr int64_t kChunksPerThread = 24;

}  // namespace

absl::Status CpuDevice::Prepare(const Program& program) {
  program_ = &program;
  running_.reserve(MostCallsOfARegion(program));
  scratch_bytes_ = ScratchBytes(program);
  ASSIGN_OR_RETURN(scratch_, Memory::Allocate(scratch_bytes_ * pool_->threads(), Pages::kSmall,
                                              "kernel scratch"));
  ASSIGN_OR_RETURN(workspace_, Memory::Allocate(WorkspaceBytes(program, pool_->threads()),
                                                Pages::kSmall, "kernel workspace"));
  computed_.resize(static_cast<size_t>(pool_->threads()));
  return absl::OkStatus();
}

int64_t CpuDevice::TakeComputed() {
  int64_t columns = 0;
  for (Computed& computed : computed_) columns += std::exchange(computed.columns, 0);
  return columns;
}

bool CpuDevice::RunRegion(const Region& region) {
  running_.clear();
  for (const BoundCall& call : region.calls) {
    RunningCall& running = running_.emplace_back();
    running.call = call.call;
    running.kernel = &program_->kernels[call.kernel];
    running.buffers = call.buffers;
    running.first_item = call.first_item;
    running.items = call.items;
    running.dims = call.dims;
    const int symbol = running.kernel->cost_symbol;
    running.item_cost = running.kernel->item_cost * (symbol < 0 ? 1 : call.dims[symbol]);
  }
  const bool shared = IsWorthSharing();
  DivideRegion(shared);
  const int64_t chunks = running_.back().end_chunk;
  const int64_t grain = shared ? 1 : std::max<int64_t>(1, chunks);
  pool_->ParallelFor(chunks, grain, [&](int64_t begin, int64_t end, int thread) {
    RunChunks(region, begin, end, thread);
  });
  return chunks > grain;
}

void CpuDevice::RunChunks(const Region& region, int64_t begin, int64_t end, int thread) {
  for (const RunningCall& call : running_) {
    const int64_t last = std::min(end, call.end_chunk);
    for (int64_t chunk = std::max(begin, call.first_chunk); chunk < last; ++chunk) {
      if (region.timeline == nullptr) {
        RunChunk(call, chunk - call.first_chunk, thread);
        continue;
      }
      const int64_t start = Timeline::Now();
      RunChunk(call, chunk - call.first_chunk, thread);
      region.timeline->AddWork(thread, {call.call, start, Timeline::Now()});
    }
  }
}

void CpuDevice::RunChunk(const RunningCall& call, int64_t chunk, int thread) {
  const int64_t first = call.first_item * call.parts;
  const int64_t begin = chunk * call.grain;
  const int64_t end = std::min(begin + call.grain, call.items * call.parts);
  const KernelArgs args{call.buffers,
                        call.dims,
                        scratch_.data() + thread * scratch_bytes_,
                        first + begin,
                        first + end,
                        call.parts,
                        workspace_.data(),
                        &computed_[static_cast<size_t>(thread)].columns};
  call.kernel->fn(&args);
}

bool CpuDevice::IsWorthSharing() const {
  if (pool_->threads() == 1) return false;
  int64_t cost = 0;
  for (const RunningCall& call : running_) cost += call.items * call.item_cost;
  return cost >= kInlineNanoseconds;
}

// Chunks of one region should take equally long, whichever call they are of.
void CpuDevice::DivideRegion(bool shared) {
  double all = 0;
  for (const RunningCall& call : running_) {
    all += static_cast<double>(call.items) * static_cast<double>(call.item_cost);
  }
  int64_t chunk = 0;
  bool workspace_taken = false;
  for (RunningCall& call : running_) {
    call.parts = 1;
    call.grain = std::max<int64_t>(1, call.items);
    if (shared && call.items > 0) {
      const double cost = static_cast<double>(call.items) * static_cast<double>(call.item_cost);
      const auto chunks = std::max<int64_t>(
          1, std::llround(static_cast<double>(pool_->threads() * kChunksPerThread) * cost / all));
      const Split& split = call.kernel->split;
      if (call.items < split.below && !workspace_taken) {
        call.parts = std::min((chunks + call.items - 1) / call.items, split.units.Count(call.dims));
        workspace_taken = true;
      }
      // What is worth cutting is worth a chunk of its own.
      const int64_t least =
          call.parts > 1 ? 1 : kGrainNanoseconds / std::max<int64_t>(1, call.item_cost);
      call.grain = std::max({int64_t{1}, least, call.items * call.parts / chunks});
    }
    call.first_chunk = chunk;
    chunk += (call.items * call.parts + call.grain - 1) / call.grain;
    call.end_chunk = chunk;
  }
}

}  // namespace lluda::runtime
