#include "runtime/executable.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "runtime/memory_need.h"

namespace lluda::runtime {
namespace {

// A call cheaper than this runs on the caller alone: waking the others would take as long.
constexpr int64_t kInlineNanoseconds = 6000;
// A thread takes at least this much work at a time.
constexpr int64_t kGrainNanoseconds = 4000;
// So many chunks a thread that waiting for the last one costs little, also beside a busy neighbour.
constexpr int64_t kChunksPerThread = 24;
// Of a weight that is packed, this much is read before its pages are dropped.
constexpr int64_t kSliceBytes = 16 << 20;

}  // namespace

int64_t States::bytes() const {
  int64_t total = 0;
  for (const Memory& buffer : buffers_) total += buffer.size();
  return total;
}

Executable::Executable(Program program, ThreadPool* pool)
    : program_(std::move(program)), pool_(pool) {}

absl::StatusOr<std::unique_ptr<Executable>> Executable::Create(Program program, ThreadPool* pool) {
  std::unique_ptr<Executable> executable(new Executable(std::move(program), pool));
  if (absl::Status s = executable->Prepare(); !s.ok()) return s;
  absl::StatusOr<Memory> loaded =
      Memory::Allocate(executable->program_.loaded_bytes, Pages::kHuge, "packed weights");
  if (!loaded.ok()) return loaded.status();
  executable->loaded_ = *std::move(loaded);
  executable->loaded_begin_ = executable->loaded_.data();
  return executable;
}

absl::StatusOr<std::unique_ptr<Executable>> Executable::CreateLoaded(Program program,
                                                                     const void* loaded,
                                                                     ThreadPool* pool) {
  CHECK(program.load.empty() && program.weights.empty());
  std::unique_ptr<Executable> executable(new Executable(std::move(program), pool));
  if (absl::Status s = executable->Prepare(); !s.ok()) return s;
  // Kernels take all buffers by the same type; those of the step do not write to this one.
  executable->loaded_begin_ = static_cast<char*>(const_cast<void*>(loaded));
  return executable;
}

absl::Status Executable::Prepare() {
  size_t most_calls = 1, most_buffers = 0;
  for (const Call& call : program_.load) {
    most_buffers = std::max(most_buffers, call.buffers.size());
  }
  for (size_t first = 0, count = 0; first < program_.step.size(); first += count) {
    count = RegionSize(program_.step, first);
    size_t buffers = 0;
    for (size_t i = first; i < first + count; ++i) buffers += program_.step[i].buffers.size();
    most_calls = std::max(most_calls, count);
    most_buffers = std::max(most_buffers, buffers);
  }
  running_.reserve(most_calls);
  buffers_.resize(most_buffers);
  scratch_bytes_ = ScratchBytes(program_);
  absl::StatusOr<Memory> frame =
      Memory::Allocate(program_.frame_bytes, Pages::kSmall, "activations");
  if (!frame.ok()) return frame.status();
  frame_ = *std::move(frame);
  absl::StatusOr<Memory> scratch =
      Memory::Allocate(scratch_bytes_ * pool_->threads(), Pages::kSmall, "kernel scratch");
  if (!scratch.ok()) return scratch.status();
  scratch_ = *std::move(scratch);
  absl::StatusOr<Memory> workspace = Memory::Allocate(WorkspaceBytes(program_, pool_->threads()),
                                                      Pages::kSmall, "kernel workspace");
  if (!workspace.ok()) return workspace.status();
  workspace_ = *std::move(workspace);
  return absl::OkStatus();
}

absl::Status Executable::Load(WeightSource* source,
                              const std::function<void(int64_t, int64_t)>& progress) {
  int64_t total = 0;
  weights_.clear();
  for (const Weight& weight : program_.weights) {
    absl::StatusOr<const void*> data = source->Data(weight.tensor, weight.bytes);
    if (!data.ok()) return data.status();
    weights_.push_back(*data);
    total += weight.bytes;
  }
  // A weight can go after the last load call that reads it.
  std::vector<int> readers(program_.weights.size(), 0);
  for (const Call& call : program_.load) {
    for (const BufferRef& buffer : call.buffers) {
      if (buffer.space == Space::kWeight) ++readers[buffer.index];
    }
  }
  std::vector<int64_t> dims;
  for (const SymbolRange& symbol : program_.symbols) dims.push_back(symbol.max);
  int64_t done = 0;
  for (size_t i = 0; i < program_.load.size(); ++i) {
    Bind(program_.load, i, 1, dims.data(), nullptr, nullptr, nullptr);
    RunLoadCall(program_.load[i], dims.data(), source, &readers, [&](int64_t bytes) {
      done += bytes;
      if (progress) progress(done, total);
    });
  }
  if (progress) progress(total, total);
  return absl::OkStatus();
}

// Runs a load call and gives back what it was the last to read. A kernel that reads its weight
// front to back runs in slices, so that the weight and what is made of it are never held whole side
// by side.
void Executable::RunLoadCall(const Call& call, const int64_t* dims, WeightSource* source,
                             std::vector<int>* readers,
                             const std::function<void(int64_t bytes)>& finished) {
  const Kernel& kernel = program_.kernels[call.kernel];
  const int64_t items = kernel.work.Count(dims);
  const auto is_last = [&](const BufferRef& buffer) {
    return buffer.space == Space::kWeight && (*readers)[buffer.index] == 1 &&
           !program_.weights[buffer.index].read_by_step;
  };
  const BufferRef& first = call.buffers[0];
  const bool sliced = kernel.item_read_bytes > 0 && first.offset == 0 && is_last(first);
  const int64_t slice = sliced ? std::max<int64_t>(1, kSliceBytes / kernel.item_read_bytes)
                               : std::max<int64_t>(1, items);
  for (int64_t begin = 0; begin < items; begin += slice) {
    const int64_t count = std::min(slice, items - begin);
    running_[0].first_item = begin;
    running_[0].items = count;
    RunRegion(dims);
    if (!sliced) continue;
    const Weight& weight = program_.weights[first.index];
    // The last item may be shorter than the others: a panel with fewer rows.
    const int64_t read_from = std::min(begin * kernel.item_read_bytes, weight.bytes);
    const int64_t read_to = std::min((begin + count) * kernel.item_read_bytes, weight.bytes);
    if (read_from < read_to) source->Release(weight.tensor, read_from, read_to - read_from);
  }
  for (const BufferRef& buffer : call.buffers) {
    if (buffer.space != Space::kWeight) continue;
    const Weight& weight = program_.weights[buffer.index];
    if (is_last(buffer)) source->Release(weight.tensor, 0, weight.bytes);
    if (--(*readers)[buffer.index] == 0) finished(weight.bytes);
  }
}

absl::StatusOr<std::unique_ptr<States>> Executable::CreateStates(
    absl::Span<const int64_t> dims) const {
  auto states = std::make_unique<States>();
  for (const State& state : program_.states) {
    absl::StatusOr<Memory> memory = Memory::Allocate(StateBytes(state, dims), Pages::kSmall,
                                                     absl::StrCat("state ", state.name));
    if (!memory.ok()) return memory.status();
    states->buffers_.push_back(*std::move(memory));
  }
  return states;
}

absl::Status Executable::Step(const States& states, absl::Span<const int64_t> dims,
                              absl::Span<const void* const> inputs, void* output) {
  CHECK_EQ(dims.size(), program_.symbols.size());
  CHECK_EQ(inputs.size(), program_.inputs.size());
  CHECK_EQ(weights_.size(), program_.weights.size()) << "Step before Load";
  for (size_t i = 0; i < dims.size(); ++i) {
    const SymbolRange& range = program_.symbols[i];
    if (dims[i] < range.min || dims[i] > range.max) {
      return absl::InvalidArgumentError(absl::StrCat("symbol ", range.name, " is ", dims[i],
                                                     ", must be ", range.min, "..", range.max));
    }
  }
  parallel_calls_ = 0;
  for (size_t first = 0, count = 0; first < program_.step.size(); first += count) {
    count = RegionSize(program_.step, first);
    Bind(program_.step, first, count, dims.data(), &states, inputs.data(), output);
    RunRegion(dims.data());
  }
  return absl::OkStatus();
}

size_t Executable::RegionSize(const std::vector<Call>& step, size_t first) {
  size_t count = 1;
  while (first + count < step.size() && step[first + count].joins_previous) ++count;
  return count;
}

void Executable::Bind(const std::vector<Call>& list, size_t first, size_t count,
                      const int64_t* dims, const States* states, const void* const* inputs,
                      void* output) {
  running_.clear();
  void** buffers = buffers_.data();
  for (size_t i = first; i < first + count; ++i) {
    const Call& call = list[i];
    RunningCall& running = running_.emplace_back();
    running.call = static_cast<uint32_t>(i);
    running.kernel = &program_.kernels[call.kernel];
    running.buffers = buffers;
    running.items = running.kernel->work.Count(dims);
    const int symbol = running.kernel->cost_symbol;
    running.item_cost = running.kernel->item_cost * (symbol < 0 ? 1 : dims[symbol]);
    for (const BufferRef& ref : call.buffers) *buffers++ = AddressOf(ref, states, inputs, output);
  }
}

char* Executable::AddressOf(const BufferRef& ref, const States* states, const void* const* inputs,
                            void* output) const {
  char* base = nullptr;
  switch (ref.space) {
    case Space::kFrame:
      base = frame_.data();
      break;
    case Space::kWeight:
      base = static_cast<char*>(const_cast<void*>(weights_[ref.index]));
      break;
    case Space::kLoaded:
      base = loaded_begin_;
      break;
    case Space::kState:
      base = states->buffer(ref.index);
      break;
    case Space::kInput:
      base = static_cast<char*>(const_cast<void*>(inputs[ref.index]));
      break;
    case Space::kOutput:
      base = static_cast<char*>(output);
      break;
  }
  return base + ref.offset;
}

void Executable::RunRegion(const int64_t* dims) {
  const bool shared = IsWorthSharing();
  DivideRegion(dims, shared);
  const int64_t chunks = running_.back().end_chunk;
  const int64_t grain = shared ? 1 : std::max<int64_t>(1, chunks);
  if (chunks > grain) ++parallel_calls_;
  const int64_t start = timeline_ != nullptr ? Timeline::Now() : 0;
  pool_->ParallelFor(chunks, grain, [&](int64_t begin, int64_t end, int thread) {
    RunChunks(dims, begin, end, thread);
  });
  if (timeline_ == nullptr) return;
  timeline_->AddRegion({running_[0].call, static_cast<uint32_t>(running_.size()), start,
                        Timeline::Now(), chunks > grain});
}

void Executable::RunChunks(const int64_t* dims, int64_t begin, int64_t end, int thread) {
  for (const RunningCall& call : running_) {
    const int64_t last = std::min(end, call.end_chunk);
    for (int64_t chunk = std::max(begin, call.first_chunk); chunk < last; ++chunk) {
      if (timeline_ == nullptr) {
        RunChunk(call, dims, chunk - call.first_chunk, thread);
        continue;
      }
      const int64_t start = Timeline::Now();
      RunChunk(call, dims, chunk - call.first_chunk, thread);
      timeline_->AddWork(thread, {call.call, start, Timeline::Now()});
    }
  }
}

void Executable::RunChunk(const RunningCall& call, const int64_t* dims, int64_t chunk, int thread) {
  const int64_t first = call.first_item * call.parts;
  const int64_t begin = chunk * call.grain;
  const int64_t end = std::min(begin + call.grain, call.items * call.parts);
  const KernelArgs args{call.buffers,     dims,        scratch_.data() + thread * scratch_bytes_,
                        first + begin,    first + end, call.parts,
                        workspace_.data()};
  call.kernel->fn(&args);
}

bool Executable::IsWorthSharing() const {
  if (pool_->threads() == 1) return false;
  int64_t cost = 0;
  for (const RunningCall& call : running_) cost += call.items * call.item_cost;
  return cost >= kInlineNanoseconds;
}

// Chunks of one region should take equally long, whichever call they are of.
void Executable::DivideRegion(const int64_t* dims, bool shared) {
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
        call.parts = std::min((chunks + call.items - 1) / call.items, split.units.Count(dims));
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
