#include "runtime/executable.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "glog/logging.h"

namespace lluda::runtime {
namespace {

// Of a weight that is packed, this much is read before its pages are dropped.
constexpr int64_t kSliceBytes = 16 << 20;
// A copy of a weight that is larger is given back at once.
constexpr int64_t kMostSpareBytes = 64 << 20;

// Whether the entry reads or writes a state.
bool UsesStates(const Entry& entry) {
  return std::any_of(entry.calls.begin(), entry.calls.end(), [](const Call& call) {
    return std::any_of(call.buffers.begin(), call.buffers.end(),
                       [](const BufferRef& buffer) { return buffer.space == Space::kState; });
  });
}

}  // namespace

int64_t States::bytes() const {
  int64_t total = 0;
  for (const Memory& buffer : buffers_) total += buffer.size();
  return total;
}

Executable::Executable(Program program, std::unique_ptr<Device> device)
    : program_(std::move(program)),
      dims_(program_),
      device_(std::move(device)),
      in_place_(device_->UsesHostMemory()) {}

absl::StatusOr<std::unique_ptr<Executable>> Executable::Create(Program program,
                                                               std::unique_ptr<Device> device) {
  std::unique_ptr<Executable> executable(new Executable(std::move(program), std::move(device)));
  RETURN_IF_ERROR(executable->Prepare());
  RETURN_IF_ERROR(executable->AllocateLoaded());
  return executable;
}

absl::StatusOr<std::unique_ptr<Executable>> Executable::CreateLoaded(
    Program program, const void* loaded, std::unique_ptr<Device> device) {
  CHECK(program.load.empty() && program.weights.empty());
  std::unique_ptr<Executable> executable(new Executable(std::move(program), std::move(device)));
  RETURN_IF_ERROR(executable->Prepare());
  if (executable->in_place_) {
    // Kernels take all buffers by the same type; those of entries do not write to this one.
    executable->loaded_begin_ = static_cast<char*>(const_cast<void*>(loaded));
    return executable;
  }
  RETURN_IF_ERROR(executable->AllocateLoaded());
  RETURN_IF_ERROR(executable->device_->CopyIn(executable->loaded_begin_, loaded,
                                              executable->program_.loaded_bytes));
  return executable;
}

absl::Status Executable::AllocateLoaded() {
  ASSIGN_OR_RETURN(loaded_,
                   device_->Allocate(program_.loaded_bytes, Pages::kHuge, "packed weights"));
  loaded_begin_ = loaded_.data();
  return absl::OkStatus();
}

absl::Status Executable::Prepare() {
  size_t most_buffers = 0;
  for (const Call& call : program_.load) {
    most_buffers = std::max(most_buffers, call.buffers.size());
  }
  for (const Entry& entry : program_.entries) {
    const std::vector<Call>& calls = entry.calls;
    for (size_t first = 0, count = 0; first < calls.size(); first += count) {
      count = RegionSize(calls, first);
      size_t buffers = 0;
      for (size_t i = first; i < first + count; ++i) buffers += calls[i].buffers.size();
      most_buffers = std::max(most_buffers, buffers);
    }
  }
  bound_.reserve(MostCallsOfARegion(program_));
  buffers_.resize(most_buffers);
  ASSIGN_OR_RETURN(frame_, device_->Allocate(program_.frame_bytes, Pages::kHuge, "activations"));
  RETURN_IF_ERROR(device_->Prepare(program_));
  return in_place_ ? absl::OkStatus() : AllocateCopies();
}

// Room for the inputs and the result of any entry.
absl::Status Executable::AllocateCopies() {
  const std::vector<int64_t> most = program_.MaxDims();
  std::vector<int64_t> input_bytes;
  int64_t result_bytes = 0;
  for (const Entry& entry : program_.entries) {
    if (input_bytes.size() < entry.inputs.size()) input_bytes.resize(entry.inputs.size());
    for (size_t i = 0; i < entry.inputs.size(); ++i) {
      input_bytes[i] = std::max(input_bytes[i], entry.inputs[i].Bytes(most));
    }
    result_bytes = std::max(result_bytes, entry.result.Bytes(most));
  }
  for (const int64_t bytes : input_bytes) {
    ASSIGN_OR_RETURN(Memory input, device_->Allocate(bytes, Pages::kSmall, "inputs"));
    input_addresses_.push_back(input.data());
    input_copies_.push_back(std::move(input));
  }
  ASSIGN_OR_RETURN(result_copy_, device_->Allocate(result_bytes, Pages::kSmall, "results"));
  return absl::OkStatus();
}

absl::Status Executable::Load(WeightSource* source,
                              const std::function<void(int64_t, int64_t)>& progress) {
  // A weight can go after the last load call that reads it.
  std::vector<int> readers(program_.weights.size(), 0);
  for (const Call& call : program_.load) {
    for (const BufferRef& buffer : call.buffers) {
      if (buffer.space == Space::kWeight) ++readers[buffer.index];
    }
  }
  int64_t total = 0;
  weights_.assign(program_.weights.size(), nullptr);
  weight_copies_.clear();
  weight_copies_.resize(in_place_ ? 0 : program_.weights.size());
  for (size_t i = 0; i < program_.weights.size(); ++i) {
    total += program_.weights[i].bytes;
    // The others are asked for when the first load call reads them.
    if (readers[i] > 0 && !program_.weights[i].read_by_entries) continue;
    RETURN_IF_ERROR(FetchWeight(i, source));
  }
  const std::vector<int64_t> most = program_.MaxDims();
  dims_.Bind(most.data());
  int64_t done = 0;
  for (size_t i = 0; i < program_.load.size(); ++i) {
    for (const BufferRef& buffer : program_.load[i].buffers) {
      if (buffer.space != Space::kWeight || weights_[buffer.index] != nullptr) continue;
      RETURN_IF_ERROR(FetchWeight(buffer.index, source));
    }
    Bind(program_.load, i, 1, Bases());
    absl::Status ran = RunLoadCall(program_.load[i], source, &readers, [&](int64_t bytes) {
      done += bytes;
      if (progress) progress(done, total);
    });
    if (!ran.ok()) return ran;
  }
  spare_copies_.clear();
  if (progress) progress(total, total);
  return absl::OkStatus();
}

absl::Status Executable::FetchWeight(size_t index, WeightSource* source) {
  const Weight& weight = program_.weights[index];
  ASSIGN_OR_RETURN(weights_[index], source->Data(weight.tensor, weight.bytes));
  if (in_place_) return absl::OkStatus();
  Memory& copy = weight_copies_[index];
  ASSIGN_OR_RETURN(copy, WeightCopy(weight));
  RETURN_IF_ERROR(device_->CopyIn(copy.data(), weights_[index], weight.bytes));
  weights_[index] = copy.data();
  return absl::OkStatus();
}

// A device takes long to give memory and to take it back; layers have weights of the same sizes.
absl::StatusOr<Memory> Executable::WeightCopy(const Weight& weight) {
  for (Memory& spare : spare_copies_) {
    if (spare.size() != weight.bytes) continue;
    std::swap(spare, spare_copies_.back());
    Memory copy = std::move(spare_copies_.back());
    spare_copies_.pop_back();
    return copy;
  }
  return device_->Allocate(weight.bytes, Pages::kSmall, weight.tensor);
}

// Runs a load call and gives back what it was the last to read. A kernel that reads its weight
// front to back runs in slices, so that the weight and what is made of it are never held whole side
// by side.
absl::Status Executable::RunLoadCall(const Call& call, WeightSource* source,
                                     std::vector<int>* readers,
                                     const std::function<void(int64_t bytes)>& finished) {
  const Kernel& kernel = program_.kernels[call.kernel];
  const int64_t items = bound_[0].items;
  const auto is_last = [&](const BufferRef& buffer) {
    return buffer.space == Space::kWeight && (*readers)[buffer.index] == 1 &&
           !program_.weights[buffer.index].read_by_entries;
  };
  const BufferRef& first = call.buffers[0];
  const bool sliced = kernel.item_read_bytes > 0 && first.offset == 0 && is_last(first);
  const int64_t slice = sliced ? std::max<int64_t>(1, kSliceBytes / kernel.item_read_bytes)
                               : std::max<int64_t>(1, items);
  for (int64_t begin = 0; begin < items; begin += slice) {
    const int64_t count = std::min(slice, items - begin);
    bound_[0].first_item = begin;
    bound_[0].items = count;
    RunRegion();
    RETURN_IF_ERROR(device_->Wait());
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
    if (--(*readers)[buffer.index] > 0) continue;
    finished(weight.bytes);
    if (in_place_ || weight.read_by_entries) continue;
    Memory copy = std::exchange(weight_copies_[buffer.index], Memory());
    if (copy.size() <= kMostSpareBytes) spare_copies_.push_back(std::move(copy));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<States>> Executable::CreateStates(
    absl::Span<const int64_t> dims) const {
  auto states = std::make_unique<States>();
  for (const Tensor& state : program_.states) {
    ASSIGN_OR_RETURN(Memory memory, device_->Allocate(state.Bytes(dims), Pages::kSmall,
                                                      absl::StrCat("state ", state.name)));
    states->addresses_.push_back(memory.data());
    states->buffers_.push_back(std::move(memory));
  }
  return states;
}

absl::Status Executable::CopyPositions(const States& states, absl::Span<const int64_t> dims,
                                       int slots, int capacity, int from, int to,
                                       int64_t positions) {
  CHECK(from != to && positions >= 0 && positions <= dims[capacity]);
  for (size_t i = 0; i < program_.states.size(); ++i) {
    const Tensor& state = program_.states[i];
    if (std::find(state.symbols.begin(), state.symbols.end(), slots) == state.symbols.end()) {
      continue;
    }
    const int64_t slot_bytes = state.Bytes(dims) / dims[slots];
    // If nothing is known of the layout, all of the slot is one run, and copied.
    const int64_t runs = std::max<int64_t>(1, state.positions.runs);
    const int64_t run_bytes = slot_bytes / runs;
    int64_t bytes = run_bytes;
    if (state.positions.runs > 0) {
      const int64_t copied = base::RoundUp(positions, state.positions.group);
      bytes = std::min(run_bytes, copied * (run_bytes / dims[capacity]));
    }
    char* const data = states.buffer(static_cast<uint32_t>(i));
    for (int64_t run = 0; run < runs; ++run) {
      RETURN_IF_ERROR(device_->Copy(data + to * slot_bytes + run * run_bytes,
                                    data + from * slot_bytes + run * run_bytes, bytes));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> Executable::MeasureCopies(double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kBytes = int64_t{512} << 20;
  ASSIGN_OR_RETURN(Memory from, device_->Allocate(kBytes, Pages::kHuge, "measuring copies"));
  ASSIGN_OR_RETURN(Memory to, device_->Allocate(kBytes, Pages::kHuge, "measuring copies"));
  RETURN_IF_ERROR(device_->Wait());
  int64_t copies = 0;
  const Clock::time_point start = Clock::now();
  double passed = 0;
  do {
    RETURN_IF_ERROR(device_->Copy(to.data(), from.data(), kBytes));
    if (++copies % 8 != 0) continue;  // waiting takes time, too
    RETURN_IF_ERROR(device_->Wait());
    passed = std::chrono::duration<double>(Clock::now() - start).count();
  } while (passed < seconds);
  return 2.0 * static_cast<double>(kBytes * copies) / passed / 1e9;
}

absl::Status Executable::Run(const Entry& entry, const States& states,
                             absl::Span<const int64_t> dims, absl::Span<const void* const> inputs,
                             void* output) {
  CHECK_EQ(dims.size(), program_.symbols.size());
  CHECK_EQ(inputs.size(), entry.inputs.size()) << entry.name;
  CHECK_EQ(weights_.size(), program_.weights.size()) << "Run before Load";
  for (size_t i = 0; i < dims.size(); ++i) {
    const SymbolRange& range = program_.symbols[i];
    if (dims[i] < range.min || dims[i] > range.max) {
      return absl::InvalidArgumentError(absl::StrCat("symbol ", range.name, " is ", dims[i],
                                                     ", must be ", range.min, "..", range.max));
    }
  }
  dims_.Bind(dims.data());
  SpaceBases<const void*> bases = Bases();
  bases.states = states.addresses();
  // A module may come from anywhere: so may an encoder that reads the cache.
  if (bases.states.size() < program_.states.size() && UsesStates(entry)) {
    return absl::InvalidArgumentError(
        absl::StrCat("@", entry.name, " uses states, and is run without any"));
  }
  if (in_place_) {
    bases.inputs = inputs;
    bases.output = output;
    return RunCalls(entry, bases);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    RETURN_IF_ERROR(
        device_->CopyIn(input_copies_[i].data(), inputs[i], entry.inputs[i].Bytes(dims)));
  }
  bases.inputs = absl::MakeConstSpan(input_addresses_).first(inputs.size());
  bases.output = result_copy_.data();
  RETURN_IF_ERROR(RunCalls(entry, bases));
  return device_->CopyOut(output, result_copy_.data(), entry.result.Bytes(dims));
}

absl::Status Executable::RunCalls(const Entry& entry, const SpaceBases<const void*>& bases) {
  parallel_calls_ = 0;
  entry_ = static_cast<uint32_t>(&entry - program_.entries.data());
  for (size_t first = 0, count = 0; first < entry.calls.size(); first += count) {
    count = RegionSize(entry.calls, first);
    Bind(entry.calls, first, count, bases);
    RunRegion();
  }
  const absl::Status status = device_->Wait();
  computed_columns_ = device_->TakeComputed();
  return status;
}

SpaceBases<const void*> Executable::Bases() const {
  SpaceBases<const void*> bases;
  bases.frame = frame_.data();
  bases.loaded = loaded_begin_;
  bases.weights = weights_;
  return bases;
}

void Executable::Bind(const std::vector<Call>& list, size_t first, size_t count,
                      const SpaceBases<const void*>& bases) {
  bound_.clear();
  void** buffers = buffers_.data();
  for (size_t i = first; i < first + count; ++i) {
    const Call& call = list[i];
    bound_.push_back({static_cast<uint32_t>(i), program_.KernelOf(call, dims_), buffers, 0,
                      program_.ItemsOf(call, dims_), dims_.Of(call)});
    for (const BufferRef& ref : call.buffers) {
      *buffers++ = static_cast<char*>(const_cast<void*>(bases.Of(ref))) + ref.offset;
    }
  }
}

void Executable::RunRegion() {
  const int64_t start = timeline_ != nullptr ? Timeline::Now() : 0;
  const bool shared = device_->RunRegion({bound_, timeline_});
  if (shared) ++parallel_calls_;
  if (timeline_ == nullptr || device_->TimesRegions()) return;
  timeline_->AddRegion({bound_[0].call, static_cast<uint32_t>(bound_.size()), start,
                        Timeline::Now(), shared, entry_});
}

}  // namespace lluda::runtime
