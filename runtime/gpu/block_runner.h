// Runs a block of a simulated kernel (gpu_abi.h) on one thread of the CPU: each of the block's
// threads is a fiber with a stack of its own, and they take turns where they wait for one another.
//
//   absl::StatusOr<std::unique_ptr<BlockRunner>> runner = BlockRunner::Create();
//   absl::Status status = (*runner)->Run(kernel.fn, buffers, dims, /*block=*/3);
//
// Fibers, and not loops over the threads between barriers: a kernel's barriers and shuffles may
// stand in loops and branches, as on a GPU, and its code is compiled once, as it is. A switch is a
// dozen instructions in assembly, as swapcontext would ask the system each time.
#ifndef LLUDA_RUNTIME_GPU_BLOCK_RUNNER_H_
#define LLUDA_RUNTIME_GPU_BLOCK_RUNNER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/gpu/gpu_abi.h"
#include "runtime/kernel_abi.h"
#include "runtime/machine/memory.h"

namespace lluda::runtime {

class BlockRunner {
 public:
  // Unimplemented on CPUs that it knows no switch for; ResourceExhausted without memory for stacks.
  static absl::StatusOr<std::unique_ptr<BlockRunner>> Create();

  // Internal when threads wait for each other and none can go on: some have ended, or wait for
  // something else. The block's shared memory, of so many bytes at most kMaxTileBytes, is NaNs at first.
  absl::Status Run(KernelFn fn, void* const* buffers, const int64_t* dims, int64_t block,
                   void* workspace = nullptr, int64_t shared_bytes = kMaxSharedBytes);

 private:
  // Whoever the thread waits for comes by a number of times; it has waited when that has changed.
  struct Fiber {
    SimulatedThread thread;  // first: what a kernel gets is the fiber
    BlockRunner* runner;
    void* stack_pointer;
    const int64_t* waits_for;  // null: it can run
    int64_t seen;
    bool ended;
  };
  // What a lane gives to the others: one word of a shuffle, ten of a product, four of which it gets
  // back as sums.
  using Given = std::array<uint32_t, 10>;
  using GivenByAll = std::array<Given, kWarpThreads>;
  struct Warp {
    std::array<GivenByAll, 2> given;  // in this round and the last
    int64_t rounds;
    int arrived;
  };

  BlockRunner() = default;
  static void Barrier(SimulatedThread* thread);
  static uint32_t Shuffle(SimulatedThread* thread, uint32_t value, uint32_t lane);
  static void Multiply(SimulatedThread* thread, const uint32_t* a, const uint32_t* b, float* sums);
  static void MultiplyTile(SimulatedThread* thread, const char* rows, const char* columns,
                           int64_t count, float* sums);
  // What all lanes of the thread's warp give, when they have; the last of them calls `when_all`.
  static const GivenByAll& Exchange(SimulatedThread* thread, const Given& given,
                                    void (*when_all)(GivenByAll* all));
  static void MultiplyWarp(GivenByAll* all);
  [[noreturn]] static void Begin(Fiber* fiber);

  Warp& WarpOf(const Fiber& fiber);
  void Prepare(Fiber* fiber);
  // Until `rounds` changes, others run.
  void WaitFor(Fiber* fiber, const int64_t* rounds);
  // Runs those of the warp that can; whether there was one.
  bool RunWarp(int warp);

  Memory stacks_;
  Memory shared_;
  std::array<Fiber, kBlockThreads> fibers_;
  std::array<Warp, kBlockWarps> warps_;
  int64_t barrier_rounds_ = 0;
  int barrier_arrived_ = 0;
  int ended_ = 0;
  void* scheduler_ = nullptr;  // its stack pointer while a fiber runs
  KernelFn fn_ = nullptr;
  KernelArgs args_ = {};
};

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_GPU_BLOCK_RUNNER_H_
