// The words that kernels for GPUs are written in: which thread this is, what threads of a warp and
// of a block tell one another. Each has two meanings, which stand side by side in words.cc: that of
// LLVM's NVPTX back end, and a simulated one, with which the very same kernel runs on a CPU.
//
//   auto e = GpuEmitter::Begin(Form::kPtx, &module, target, "sum_f32", {"T"}, /*buffers=*/2);
//   e->ForWarpRows(rows, [&](const Indices& row) {       // a warp for each row
//     Value* sum = e->WarpSum(e->Load(...));             // every thread of the warp has it
//     e->If(e->IsFirstLane(), [&] { e->Store(...); });
//   });
//   e->Finish();
//
// All else (loops, loads, stores, mathematics) is the Emitter's, with one lane: a thread
// of a GPU is a scalar machine. What a thread computes depends on its block alone, in a fixed order.
#ifndef LLUDA_CODEGEN_NVPTX_WORDS_H_
#define LLUDA_CODEGEN_NVPTX_WORDS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "codegen/emit/emitter.h"
#include "runtime/gpu/gpu_abi.h"

namespace lluda::codegen {

// What the words become: instructions of a GPU, or calls into runtime/gpu/simulated_gpu.h.
enum class Form : uint8_t { kPtx, kSimulated };

class GpuEmitter : public Emitter {
 public:
  // Begins the kernel `name` of the signature in runtime/gpu/gpu_abi.h. The target says what the CPU
  // can do that simulates; it must outlive the emitter.
  static std::unique_ptr<GpuEmitter> Begin(Form form, llvm::Module* module, const Target& target,
                                           const std::string& name,
                                           const std::vector<std::string>& symbols, int buffers);
  virtual ~GpuEmitter() = default;

  // The words.
  virtual Value* Thread() = 0;  // i64, in its block
  virtual Value* Block() = 0;   // i64, the work item
  // All threads of the block come here before any goes on.
  virtual void Barrier() = 0;
  // The i32 that the thread `lane` (i32) of the warp has; all threads of the warp come here.
  virtual Value* ShuffleBits(Value* bits, Value* lane) = 0;
  // Memory that the block's threads share; at most one piece a kernel, of kMaxSharedBytes.
  virtual Value* Shared(int64_t bytes) = 0;

  // Made of them.
  Value* Lane();  // i64, in its warp
  Value* Warp();  // i64, in its block
  Value* IsFirstLane();
  Value* Shuffle(Value* x, Value* lane);  // of f32
  // The same value in all threads of the warp, combined in the order of a butterfly: neighbours at
  // a distance of 16, then 8, and so on.
  Value* WarpSum(Value* x);  // f32 or i32
  Value* WarpMax(Value* x);
  Value* Butterfly(Value* x, const std::function<Value*(Value*, Value*)>& combine);

  // A thread for each element of these axes.
  void ForElements(const std::vector<ir::Axis>& axes,
                   const std::function<void(const Indices&)>& body);
  // A warp for each.
  void ForWarpRows(const std::vector<ir::Axis>& axes,
                   const std::function<void(const Indices&)>& body);
  // A warp's threads take 0..end in turns: i = lane, lane + 32, ... with carried values. Threads may
  // go through it a different number of times, so the body has no word of the whole warp.
  Carried ForLanesOfWarp(Value* end, const Carried& init,
                         const std::function<Carried(Value* i, const Carried&)>& body);

 protected:
  using Emitter::Emitter;

 private:
  void ForPart(const std::vector<ir::Axis>& axes, int64_t together, Value* own,
               const std::function<void(const Indices&)>& body);
};

// The info of kernels that are one ForElements, or one ForWarpRows.
KernelInfo ElementsInfo(std::vector<ir::Axis> axes);
KernelInfo WarpRowsInfo(std::vector<ir::Axis> axes);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_NVPTX_WORDS_H_
