// Runs a compiled program: the load list once, its entries as often as wanted.
//
//   auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
//   (*executable)->Load(&checkpoint, nullptr);
//   auto states = (*executable)->CreateStates(dims);
//   const Entry& step = (*executable)->program().entry("step");
//   (*executable)->Run(step, *states, dims, inputs, logits);
//
// It walks the lists and binds buffers to memory; the device (device.h) runs the calls.
#ifndef LLUDA_RUNTIME_EXECUTABLE_H_
#define LLUDA_RUNTIME_EXECUTABLE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/bound_dims.h"
#include "runtime/device.h"
#include "runtime/machine/memory.h"
#include "runtime/program.h"
#include "runtime/space_bases.h"
#include "runtime/timeline.h"

namespace lluda::runtime {

// Where the checkpoint's tensors come from.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The tensor's elements, row-major, valid until all of them are released. NotFound, or InvalidArgument
  // when it does not have exactly `bytes` bytes.
  virtual absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) = 0;
  // The program will not read these bytes of the tensor again: their pages may be dropped. The
  // range is not empty and lies inside the tensor.
  virtual void Release(const std::string& tensor, int64_t offset, int64_t bytes) = 0;
};

// Memory of the program's states (the KV cache), zeroed at first. The device's addresses.
class States {
 public:
  char* buffer(uint32_t index) const { return buffers_[index].data(); }
  // Of all of them, in the program's order.
  absl::Span<const void* const> addresses() const { return addresses_; }
  int64_t bytes() const;

 private:
  friend class Executable;
  std::vector<Memory> buffers_;
  std::vector<const void*> addresses_;
};

class Executable {
 public:
  static absl::StatusOr<std::unique_ptr<Executable>> Create(Program program,
                                                            std::unique_ptr<Device> device);
  // The same for a program that is loaded already: `loaded`, program.loaded_bytes at a multiple of
  // 64, is what its load list would make. It is only read, and must outlive the executable. The
  // program has no load list and reads no weights.
  static absl::StatusOr<std::unique_ptr<Executable>> CreateLoaded(Program program,
                                                                  const void* loaded,
                                                                  std::unique_ptr<Device> device);

  const Program& program() const { return program_; }
  // Whether states lie in the host's memory.
  bool uses_host_memory() const { return in_place_; }

  // Runs the load list. `progress`, if given, is told how many of how many weight bytes are done.
  // The source must outlive the executable when weights are read by entries.
  absl::Status Load(WeightSource* source,
                    const std::function<void(int64_t done, int64_t total)>& progress);

  // The memory that the load list has filled, and the weights that entries read besides, in the
  // order of program().weights. The device's addresses.
  absl::Span<const char> loaded() const {
    return {loaded_begin_, static_cast<size_t>(program_.loaded_bytes)};
  }
  absl::Span<const void* const> weights() const { return weights_; }

  // States for these symbol values, which later runs must repeat for the symbols states depend on.
  absl::StatusOr<std::unique_ptr<States>> CreateStates(absl::Span<const int64_t> dims) const;

  // Copies the first `positions` positions that slot `from` holds over those of slot `to`, in all
  // states that slots have a share of; positions behind them may be copied, too. `dims` are those of
  // CreateStates, of which `slots` and `capacity` index the numbers of slots and of their positions.
  // The slots differ.
  absl::Status CopyPositions(const States& states, absl::Span<const int64_t> dims, int slots,
                             int capacity, int from, int to, int64_t positions);

  // One run of an entry of program(). `dims` are the symbols' values within their ranges, `inputs`
  // the entry's inputs in its order, `output` receives the result. InvalidArgument for a dim out of
  // range and for an entry that uses states and is given none; the inputs' contents are the caller's
  // to check.
  absl::Status Run(const Entry& entry, const States& states, absl::Span<const int64_t> dims,
                   absl::Span<const void* const> inputs, void* output);

  // The first `bytes` bytes of a state, as they are between two runs.
  absl::Status ReadState(const States& states, uint32_t state, int64_t bytes, void* to) const {
    return device_->CopyOut(to, states.buffer(state), bytes);
  }

  // Memory of the host that results reach quickest; it must be given back before the executable goes.
  absl::StatusOr<Memory> AllocateResults(int64_t bytes) const {
    return device_->AllocateHost(bytes, "results");
  }

  // 10^9 bytes a second that the device reads and writes when it copies within its memory, over
  // about `seconds`: how fast that memory is.
  absl::StatusOr<double> MeasureCopies(double seconds);

  // What the device can do at most, as its makers say.
  PeakRates peak_rates() const { return device_->Peak(); }

  // From now on runs note their times in `timeline`, made for the device's number of threads; null:
  // they no longer do. It must outlive the runs.
  void RecordTo(Timeline* timeline) { timeline_ = timeline; }

  // Of the last Run, the calls that were shared between threads; those that ran side by side count
  // as one.
  int64_t parallel_calls() const { return parallel_calls_; }
  // Of the last Run, the columns that its matmuls computed which may leave some out (Device).
  int64_t computed_columns() const { return computed_columns_; }

 private:
  Executable(Program program, std::unique_ptr<Device> device);
  // Allocates what every program needs: activations, and what the device takes.
  absl::Status Prepare();
  absl::Status AllocateCopies();
  absl::Status AllocateLoaded();
  // The entry's calls, on memory that the device can reach.
  absl::Status RunCalls(const Entry& entry, const SpaceBases<const void*>& bases);
  // Of the memory that all runs share; states, inputs and output are a run's own.
  SpaceBases<const void*> Bases() const;
  // Makes `count` calls of the list from `first` on the bound ones.
  void Bind(const std::vector<Call>& list, size_t first, size_t count,
            const SpaceBases<const void*>& bases);
  // The bound calls, and notes it in the timeline if there is one.
  void RunRegion();
  // Asks for a weight, and copies it where the device has memory of its own.
  absl::Status FetchWeight(size_t index, WeightSource* source);
  absl::StatusOr<Memory> WeightCopy(const Weight& weight);
  absl::Status RunLoadCall(const Call& call, WeightSource* source, std::vector<int>* readers,
                           const std::function<void(int64_t bytes)>& finished);

  Program program_;
  BoundDims dims_;                  // of the run
  std::unique_ptr<Device> device_;  // outlives the memory below
  const bool in_place_;             // kernels work on the host's memory
  Memory frame_;
  Memory loaded_;  // empty if it lies elsewhere
  char* loaded_begin_ = nullptr;
  std::vector<const void*> weights_;
  // Where the device has memory of its own: what was copied there.
  std::vector<Memory> weight_copies_, input_copies_;
  // While weights are loaded: copies that the load list is done with, for others of the same size.
  std::vector<Memory> spare_copies_;
  std::vector<const void*> input_addresses_;
  Memory result_copy_;
  std::vector<BoundCall> bound_;
  std::vector<void*> buffers_;  // those of the bound calls
  int64_t parallel_calls_ = 0;
  int64_t computed_columns_ = 0;
  uint32_t entry_ = 0;  // that runs
  Timeline* timeline_ = nullptr;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_EXECUTABLE_H_
