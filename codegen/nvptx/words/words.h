// The words that kernels for GPUs are written in: which thread this is, what threads of a warp and
// of a block tell one another. Each has two meanings, which stand side by side in words.cc: that of
// LLVM's NVPTX back end, and a simulated one, with which the very same kernel runs on a CPU.
//
//   auto e = GpuEmitter::Begin({}, &module, target, "sum_f32", {"T"}, /*buffers=*/2);
//   e->ForWarpRows(rows, [&](const Indices& row) {       // a warp for each row
//     Value* sum = e->WarpSum(e->Load(...));             // every thread of the warp has it
//     e->If(e->IsFirstLane(), [&] { e->Store(...); });
//   });
//   e->Finish();
//
// All else (loops, loads, stores, mathematics) is the Emitter's, with one lane: a thread
// of a GPU is a scalar machine. What a thread computes depends on its block alone, in a fixed order.
#ifndef LLUDA_CODEGEN_NVPTX_WORDS_WORDS_H_
#define LLUDA_CODEGEN_NVPTX_WORDS_WORDS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "codegen/backend.h"
#include "codegen/emit/emitter.h"
#include "runtime/gpu/gpu_abi.h"

namespace lluda::codegen {

// What the words become: instructions of a GPU, or calls into runtime/gpu/simulated_gpu.h.
struct Form {
  bool simulated = false;
  bool overlaps = false;  // kernels begin while the one before them runs (PTX ISA, griddepcontrol)
  bool tiles = false;     // there are BeginTile and EndTile
};

class GpuEmitter : public Emitter {
 public:
  // Begins the kernel `name` of the signature in runtime/gpu/gpu_abi.h. The target says what the CPU
  // can do that simulates; it must outlive the emitter.
  static std::unique_ptr<GpuEmitter> Begin(const Form& form, llvm::Module* module,
                                           const Target& target, const std::string& name,
                                           const std::vector<std::string>& symbols, int buffers);
  virtual ~GpuEmitter() = default;

  // The words.
  virtual Value* Thread() = 0;                                        // i64, in its block
  Value* Block() { return block_ != nullptr ? block_ : OwnBlock(); }  // i64, the work item
  // All threads of the block come here before any goes on.
  virtual void Barrier() = 0;
  // The i32 that the thread `lane` (i32) of the warp has; all threads of the warp come here.
  virtual Value* ShuffleBits(Value* bits, Value* lane) = 0;
  // Memory that the block's threads share, of at most kMaxSharedBytes, or kMaxTileBytes where there are
  // tiles; it begins at a multiple of kTileAlignment. There is one piece a kernel:
  // all calls return the same, as large as the largest of them.
  virtual Value* Shared(int64_t bytes) = 0;
  // What of it has to be asked for at the launch, as it is more than every GPU gives.
  int64_t LaunchBytes() const {
    return shared_bytes_ > runtime::kMaxSharedBytes ? shared_bytes_ : 0;
  }
  // Memory that all blocks of the call share: see gpu_abi.h.
  virtual Value* Workspace() = 0;
  // Returns when all that earlier kernels wrote is there. Each thread comes here before it reads
  // anything but weights, and before it writes.
  virtual void WaitForEarlier() = 0;
  // 16 x 8 sums of the warp with a 16 x 8 product over 16 elements added: see
  // SimulatedThread::multiply. `a` are 4 i32, `b` 2, `sums` 4 f32; all threads of the warp come here.
  virtual std::vector<Value*> Multiply(const std::vector<Value*>& a, const std::vector<Value*>& b,
                                       const std::vector<Value*>& sums) = 0;
  // Whether there are the words of tiles below.
  bool MultipliesTiles() const { return form_.tiles; }
  // The warpgroup's sums of 64 rows and `count` columns, a multiple of 8 up to 256, over 64 elements of
  // tiles in shared memory (TilePlace in gpu_abi.h), added to `sums`, or to zero if there are none: see
  // SimulatedThread::multiply_tile. All threads of the warpgroup come here. The sums are there when
  // EndTile gives them, and the tiles are read until then.
  virtual std::vector<Value*> BeginTile(Value* rows, Value* columns, int64_t count,
                                        const std::vector<Value*>& sums) = 0;
  virtual std::vector<Value*> EndTile(const std::vector<Value*>& sums) = 0;
  // What the thread, and those of its copies that it waited for, wrote to shared memory is what
  // BeginTile reads behind the next barrier.
  virtual void ShowTiles() = 0;
  // Of the four bytes of `low` and the four of `high`, numbered 0 to 7, those that the nibbles of
  // `selector` below 2^16 name, each below 8; all are i32.
  virtual Value* PickBytes(Value* low, Value* high, Value* selector) = 0;
  // a * b + c of two bf16 in an i32 each. No product, and no sum, needs rounding.
  virtual Value* MultiplyAddPairs(Value* a, Value* b, Value* c) = 0;
  // Copies 16 bytes into shared memory, both at multiples of 16, at some time before a
  // WaitForCopies. Copies are told apart by the CloseCopies behind them.
  virtual void BeginCopy(Value* shared, Value* from) = 0;
  virtual void CloseCopies() = 0;
  // The thread's copies have arrived, but for those of the last `but` sets that were closed.
  virtual void WaitForCopies(int but) = 0;
  // A multiprocessor should hold so many blocks at a time: their threads get fewer registers. At most
  // once a kernel.
  virtual void WantBlocks(int blocks) = 0;
  // What the thread wrote can be seen by all blocks before what it writes next.
  virtual void Publish() = 0;

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

  // The values that one of the two makes, by the condition.
  std::vector<Value*> Choose(Value* condition, const std::function<std::vector<Value*>()>& then,
                             const std::function<std::vector<Value*>()>& otherwise);

  // The last of `count` blocks that come here, all of whose threads do, runs `body`, and sees what
  // the others wrote before they came. `counter` is an i32 of the workspace, zero before and after.
  // Uses the shared memory.
  void IfLastBlock(Value* counter, Value* count, const std::function<void()>& body);

  // From now on Buffer(i) and Block() are a kernel's that is a part of this one.
  void UsePart(const std::vector<Value*>& buffers, Value* block);
  std::vector<Value*> Buffers(int first, int count);

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
  GpuEmitter(const Form& form, llvm::Function* function, const Target& target,
             const std::vector<std::string>& symbols, const std::vector<Value*>& buffers,
             const std::vector<Value*>& dims)
      : Emitter(function, target, symbols, buffers, dims), form_(form) {}
  virtual Value* OwnBlock() = 0;
  // Notes how much is shared.
  void Share(int64_t bytes);

  const Form form_;
  int64_t shared_bytes_ = 0;

 private:
  void ForPart(const std::vector<ir::Axis>& axes, int64_t together, Value* own,
               const std::function<void(const Indices&)>& body);

  Value* block_ = nullptr;
};

// The info of kernels that are one ForElements, or one ForWarpRows.
KernelInfo ElementsInfo(std::vector<ir::Axis> axes);
KernelInfo WarpRowsInfo(std::vector<ir::Axis> axes);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_NVPTX_WORDS_WORDS_H_
