// The CPU as a device: kernels are functions, called on the threads of a pool.
//
//   auto executable = Executable::Create(std::move(program), std::make_unique<CpuDevice>(&pool));
//
// A region's calls are shared between threads when their work is worth waking them; a result does
// not depend on how they were shared.
#ifndef LLUDA_RUNTIME_CPU_DEVICE_H_
#define LLUDA_RUNTIME_CPU_DEVICE_H_

#include <cstdint>
#include <vector>

#include "runtime/in_host_memory.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {

class CpuDevice : public InHostMemory {
 public:
  // The pool must outlive the device, and so must the library that holds the program's code.
  explicit CpuDevice(ThreadPool* pool) : pool_(pool) {}

  bool UsesHostMemory() const override { return true; }
  absl::Status Prepare(const Program& program) override;
  bool RunRegion(const Region& region) override;
  absl::Status Wait() override { return absl::OkStatus(); }
  int64_t TakeComputed() override;

 private:
  // A call of the region, and how it is handed out. Each item is cut into `parts` parts, and a chunk
  // is `grain` neighbouring parts, maybe of several items. Chunks are numbered through all calls of
  // the region: this call's are [first_chunk, end_chunk).
  struct RunningCall {
    uint32_t call = 0;
    const Kernel* kernel = nullptr;
    void** buffers = nullptr;
    int64_t first_item = 0;
    int64_t items = 0;
    const int64_t* dims = nullptr;
    int64_t item_cost = 0;  // nanoseconds
    int64_t parts = 1;
    int64_t grain = 1;
    int64_t first_chunk = 0;
    int64_t end_chunk = 0;
  };
  // KernelArgs::computed of a thread, on a cache line of its own.
  struct alignas(64) Computed {
    int64_t columns = 0;
  };
  // Chunks [begin, end) of the region, on this thread.
  void RunChunks(const Region& region, int64_t begin, int64_t end, int thread);
  void RunChunk(const RunningCall& call, int64_t chunk, int thread);
  // Divides the running calls into chunks: one each if the caller runs them alone.
  bool IsWorthSharing() const;
  void DivideRegion(bool shared);

  ThreadPool* pool_;
  const Program* program_ = nullptr;
  Memory scratch_;
  int64_t scratch_bytes_ = 0;  // per thread
  Memory workspace_;           // for the region being run
  std::vector<RunningCall> running_;
  std::vector<Computed> computed_;
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_CPU_DEVICE_H_
