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
  // The program will not read these bytes of the tensor again: their pages may be dropped.
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

  // Calls of the step list that were shared between threads in the last Step.
  int64_t parallel_calls() const { return parallel_calls_; }

 private:
  Executable(Program program, ThreadPool* pool);
  // How a call's items are handed out: in `parts` parts each, `grain` parts to a thread at a time.
  struct Shares {
    int64_t parts = 1;
    int64_t grain = 1;
  };
  // Allocates what every program needs: activations, scratch and workspace.
  absl::Status Prepare();
  void BindBuffers(const Call& call, const States* states, const void* const* inputs, void* output);
  // Items [first, first + items) of a call whose buffers are bound.
  void RunItems(const Kernel& kernel, const int64_t* dims, int64_t first, int64_t items);
  // All items of step call `call`, noted in the timeline.
  void RecordItems(const Kernel& kernel, const int64_t* dims, int64_t items, uint32_t call);
  // Parts [begin, end) of it, on this thread.
  void RunChunk(const Kernel& kernel, const int64_t* dims, int64_t parts, int64_t begin,
                int64_t end, int thread);
  // Of a call with so many items; counts the call if more than one thread gets some.
  Shares SharesOf(const Kernel& kernel, const int64_t* dims, int64_t items);
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
  std::vector<void*> call_buffers_;  // those of the call being run
  int64_t parallel_calls_ = 0;
  Timeline* timeline_ = nullptr;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_EXECUTABLE_H_
