#include "runtime/executable.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

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
  size_t most_buffers = 0;
  for (const auto* list : {&program_.load, &program_.step}) {
    for (const Call& call : *list) most_buffers = std::max(most_buffers, call.buffers.size());
  }
  call_buffers_.resize(most_buffers);
  std::vector<int64_t> most;
  for (const SymbolRange& symbol : program_.symbols) most.push_back(symbol.max);
  int64_t workspace_bytes = 0;
  for (const Kernel& kernel : program_.kernels) {
    scratch_bytes_ = std::max(scratch_bytes_, (kernel.scratch_bytes + 63) / 64 * 64);
    if (kernel.split.below == 0) continue;
    workspace_bytes =
        std::max(workspace_bytes, kernel.split.unit_bytes * kernel.split.units.Count(most.data()));
  }
  absl::StatusOr<Memory> frame =
      Memory::Allocate(program_.frame_bytes, Pages::kSmall, "activations");
  if (!frame.ok()) return frame.status();
  frame_ = *std::move(frame);
  absl::StatusOr<Memory> scratch =
      Memory::Allocate(scratch_bytes_ * pool_->threads(), Pages::kSmall, "kernel scratch");
  if (!scratch.ok()) return scratch.status();
  scratch_ = *std::move(scratch);
  if (pool_->threads() == 1) return absl::OkStatus();
  absl::StatusOr<Memory> workspace =
      Memory::Allocate(workspace_bytes, Pages::kSmall, "kernel workspace");
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
  for (const Call& call : program_.load) {
    BindBuffers(call, nullptr, nullptr, nullptr);
    RunLoadCall(call, dims.data(), source, &readers, [&](int64_t bytes) {
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
    RunItems(kernel, dims, begin, count);
    if (sliced) {
      source->Release(program_.weights[first.index].tensor, begin * kernel.item_read_bytes,
                      count * kernel.item_read_bytes);
    }
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
    int64_t bytes = state.factor;
    for (int symbol : state.symbols) bytes *= dims[symbol];
    absl::StatusOr<Memory> memory =
        Memory::Allocate(bytes, Pages::kSmall, absl::StrCat("state ", state.name));
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
  for (uint32_t i = 0; i < program_.step.size(); ++i) {
    const Call& call = program_.step[i];
    BindBuffers(call, &states, inputs.data(), output);
    const Kernel& kernel = program_.kernels[call.kernel];
    const int64_t items = kernel.work.Count(dims.data());
    if (timeline_ == nullptr) {
      RunItems(kernel, dims.data(), 0, items);
    } else {
      RecordItems(kernel, dims.data(), items, i);
    }
  }
  return absl::OkStatus();
}

void Executable::BindBuffers(const Call& call, const States* states, const void* const* inputs,
                             void* output) {
  for (size_t i = 0; i < call.buffers.size(); ++i) {
    const BufferRef& ref = call.buffers[i];
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
    call_buffers_[i] = base + ref.offset;
  }
}

void Executable::RunItems(const Kernel& kernel, const int64_t* dims, int64_t first, int64_t items) {
  const Shares shares = SharesOf(kernel, dims, items);
  const int64_t offset = first * shares.parts;
  pool_->ParallelFor(items * shares.parts, shares.grain,
                     [&](int64_t begin, int64_t end, int thread) {
                       RunChunk(kernel, dims, shares.parts, offset + begin, offset + end, thread);
                     });
}

void Executable::RecordItems(const Kernel& kernel, const int64_t* dims, int64_t items,
                             uint32_t call) {
  const int64_t start = Timeline::Now();
  const Shares shares = SharesOf(kernel, dims, items);
  pool_->ParallelFor(items * shares.parts, shares.grain,
                     [&](int64_t begin, int64_t end, int thread) {
                       const int64_t chunk_start = Timeline::Now();
                       RunChunk(kernel, dims, shares.parts, begin, end, thread);
                       timeline_->AddWork(thread, {call, chunk_start, Timeline::Now()});
                     });
  timeline_->AddCall({call, start, Timeline::Now()});
}

void Executable::RunChunk(const Kernel& kernel, const int64_t* dims, int64_t parts, int64_t begin,
                          int64_t end, int thread) {
  const KernelArgs args{
      call_buffers_.data(), dims, scratch_.data() + thread * scratch_bytes_, begin, end, parts,
      workspace_.data()};
  kernel.fn(&args);
}

Executable::Shares Executable::SharesOf(const Kernel& kernel, const int64_t* dims, int64_t items) {
  const int64_t item_cost =
      kernel.item_cost * (kernel.cost_symbol < 0 ? 1 : dims[kernel.cost_symbol]);
  if (items == 0 || pool_->threads() == 1 || items * item_cost < kInlineNanoseconds) {
    return {1, std::max<int64_t>(1, items)};
  }
  const int64_t chunks = pool_->threads() * kChunksPerThread;
  Shares shares;
  if (items < kernel.split.below) {
    shares.parts = std::min((chunks + items - 1) / items, kernel.split.units.Count(dims));
  }
  // What is worth cutting is worth a chunk of its own.
  const int64_t least = shares.parts > 1 ? 1 : kGrainNanoseconds / std::max<int64_t>(1, item_cost);
  shares.grain = std::max({int64_t{1}, least, items * shares.parts / chunks});
  if (items * shares.parts > shares.grain) ++parallel_calls_;
  return shares;
}

}  // namespace lluda::runtime
