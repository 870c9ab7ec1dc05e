// A GPU that is none: runs kernels of the form that codegen/nvptx makes for it, with memory of its
// own, so that inputs, weights and results are copied as to a GPU. For tests, and to see what a GPU
// would compute; slow.
//
//   runtime::Executable::Create(std::move(program), std::make_unique<SimulatedGpu>(&pool));
#ifndef LLUDA_RUNTIME_GPU_SIMULATED_GPU_H_
#define LLUDA_RUNTIME_GPU_SIMULATED_GPU_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/gpu/block_runner.h"
#include "runtime/in_host_memory.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::runtime {

class SimulatedGpu : public InHostMemory {
 public:
  // The pool, which blocks are shared between, must outlive the device, and so must the library that
  // holds the program's code.
  explicit SimulatedGpu(ThreadPool* pool) : pool_(pool) {}

  bool UsesHostMemory() const override { return false; }
  absl::Status Prepare(const Program& program) override;
  bool RunRegion(const Region& region) override;
  // Internal, naming the kernel, when threads of one of its blocks waited for each other.
  absl::Status Wait() override;

 private:
  void RunCall(const BoundCall& call);

  ThreadPool* pool_;
  const Program* program_ = nullptr;
  std::vector<std::unique_ptr<BlockRunner>> runners_;  // one a thread
  Memory workspace_;
  std::mutex mutex_;
  absl::Status status_;  // the first problem since the last Wait
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_GPU_SIMULATED_GPU_H_
