// Runs a compiled program: the load list once, the step list as often as wanted.
//
//   auto executable = Executable::Create(std::move(program), &pool);
//   (*executable)->Load(&checkpoint, nullptr);
//   auto states = (*executable)->CreateStates(dims);
//   (*executable)->Step(*states, dims, inputs, logits);
//
// A call is shared between the pool's threads when its work is worth waking them; its result does
// not depend on how it was shared.
#ifndef LLUDA_RUNTIME_EXECUTABLE_H_
#define LLUDA_RUNTIME_EXECUTABLE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/memory.h"
#include "runtime/program.h"
#include "runtime/thread_pool.h"
#include "runtime/timeline.h"

namespace lluda::runtime {

// Where the checkpoint's tensors come from.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  // The tensor's elements, row-major, valid as long as the source. NotFound, or InvalidArgument
  // when it does not have exactly `bytes` bytes.
  virtual absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) = 0;
  // The program will not read these bytes of the tensor again: their pages may be dropped. The
  // range is not empty and lies inside the tensor.
  virtual void Release(const std::string& tensor, int64_t offset, int64_t bytes) = 0;
};

// Memory of the program's states (the KV cache), zeroed at first.
class States {
 public:
  char* buffer(uint32_t index) const { return buffers_[index].data(); }
  int64_t bytes() const;

 private:
  friend class Executable;
  std::vector<Memory> buffers_;
};

class Executable {
 public:
  // The pool must outlive the executable, and so must the library that holds the program's code.
  static absl::StatusOr<std::unique_ptr<Executable>> Create(Program program, ThreadPool* pool);
  // The same for a program that is loaded already: `loaded`, program.loaded_bytes at a multiple of
  // 64, is what its load list would make. It is only read, and must outlive the executable. The
  // program has no load list and reads no weights.
  static absl::StatusOr<std::unique_ptr<Executable>> CreateLoaded(Program program,
                                                                  const void* loaded,
                                                                  ThreadPool* pool);

  const Program& program() const { return program_; }

  // Runs the load list. `progress`, if given, is told how many of how many weight bytes are done.
  // The source must outlive the executable when weights are read by the step.
  absl::Status Load(WeightSource* source,
                    const std::function<void(int64_t done, int64_t total)>& progress);

  // The memory that the load list has filled, and the weights that the step reads besides, in the
  // order of program().weights.
  absl::Span<const char> loaded() const {
    return {loaded_begin_, static_cast<size_t>(program_.loaded_bytes)};
  }
  absl::Span<const void* const> weights() const { return weights_; }

  // States for these symbol values, which later steps must repeat for the symbols states depend on.
  absl::StatusOr<std::unique_ptr<States>> CreateStates(absl::Span<const int64_t> dims) const;

  // One run of the step list. `dims` are the symbols' values within their ranges, `inputs` the
  // step's inputs in the order of program().inputs, `output` receives the result. InvalidArgument
  // for a dim out of range; the inputs' contents are the caller's to check.
  absl::Status Step(const States& states, absl::Span<const int64_t> dims,
                    absl::Span<const void* const> inputs, void* output);

  // From now on steps note their times in `timeline`, made for the pool's number of threads; null:
  // they no longer do. It must outlive the steps.
  void RecordTo(Timeline* timeline) { timeline_ = timeline; }

  // Of the last Step, the calls that were shared between threads; those that ran side by side count
  // as one.
  int64_t parallel_calls() const { return parallel_calls_; }

 private:
  Executable(Program program, ThreadPool* pool);
  // A call that is run alone or side by side with others, and how it is handed out: in chunks of
  // `grain` parts, `parts` of which are an item. The chunks of a region's calls count on.
  struct RunningCall {
    uint32_t call = 0;  // in its list
    const Kernel* kernel = nullptr;
    void** buffers = nullptr;
    int64_t first_item = 0;
    int64_t items = 0;
    int64_t item_cost = 0;  // nanoseconds
    int64_t parts = 1;
    int64_t grain = 1;
    int64_t first_chunk = 0;
    int64_t end_chunk = 0;
  };
  // Allocates what every program needs: activations, scratch and workspace.
  absl::Status Prepare();
  // The number of calls from step call `first` on that may run side by side.
  static size_t RegionSize(const std::vector<Call>& step, size_t first);
  // Makes `count` calls of the list from `first` on the running ones.
  void Bind(const std::vector<Call>& list, size_t first, size_t count, const int64_t* dims,
            const States* states, const void* const* inputs, void* output);
  char* AddressOf(const BufferRef& ref, const States* states, const void* const* inputs,
                  void* output) const;
  // The running calls, and notes it in the timeline if there is one.
  void RunRegion(const int64_t* dims);
  // Chunks [begin, end) of the region, on this thread.
  void RunChunks(const int64_t* dims, int64_t begin, int64_t end, int thread);
  void RunChunk(const RunningCall& call, const int64_t* dims, int64_t chunk, int thread);
  // Divides the running calls into chunks: one each if the caller runs them alone.
  bool IsWorthSharing() const;
  void DivideRegion(const int64_t* dims, bool shared);
  void RunLoadCall(const Call& call, const int64_t* dims, WeightSource* source,
                   std::vector<int>* readers, const std::function<void(int64_t bytes)>& finished);

  Program program_;
  ThreadPool* pool_;
  Memory frame_;
  Memory loaded_;  // empty if it lies elsewhere
  char* loaded_begin_ = nullptr;
  Memory scratch_;
  int64_t scratch_bytes_ = 0;  // per thread
  Memory workspace_;           // for the call being run
  std::vector<const void*> weights_;
  std::vector<RunningCall> running_;
  std::vector<void*> buffers_;  // those of the running calls
  int64_t parallel_calls_ = 0;
  Timeline* timeline_ = nullptr;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_EXECUTABLE_H_
