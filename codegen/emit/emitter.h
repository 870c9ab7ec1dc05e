// What every kernel emitter needs: the kernel's frame (arguments, work range), loops, and loads and
// stores that convert between storage dtypes and f32.
//
//   Emitter e(module, target, "scale_f32");
//   e.ForItems([&](llvm::Value* item) { ... });
//   e.Finish();
//
// Vectors in the generated IR are always of kLanes lanes; LLVM splits them on narrower targets, so one
// emitter serves every instruction set. Loads and stores assume the alignment of one element only.
#ifndef LLUDA_CODEGEN_EMIT_EMITTER_H_
#define LLUDA_CODEGEN_EMIT_EMITTER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "codegen/llvm/target.h"
#include "ir/type/type.h"
#include "ir/view.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace lluda::codegen {

using llvm::Value;

// Lanes of the vectors in the generated IR. A panel's columns fill one.
inline constexpr int kLanes = 16;
static_assert(kLanes == kPanelRows);
// Those of a vector; 1 of a scalar.
int LanesOf(Value* value);

// Index of each named axis at some point of a kernel.
using Indices = std::map<std::string, Value*>;

class Emitter {
 public:
  // Starts the kernel `name`. `symbols` are the module's symbols in the order of KernelArgs::dims.
  Emitter(llvm::Module* module, const Target& target, const std::string& name,
          const std::vector<std::string>& symbols);
  // Starts a kernel whose signature is another device's: an empty function, whose buffers and
  // symbols' values, in the order of `symbols`, are at hand. Such a kernel has none of the other
  // arguments, and all elements lie at multiples of their size.
  Emitter(llvm::Function* function, const Target& target, const std::vector<std::string>& symbols,
          const std::vector<Value*>& buffers, const std::vector<Value*>& dims);

  llvm::IRBuilder<>& b() { return builder_; }
  const Target& target() const { return target_; }
  llvm::LLVMContext& context() { return builder_.getContext(); }
  llvm::Function* function() { return function_; }
  // Ends the kernel.
  void Finish();

  // The kernel's arguments, loaded once in its entry block.
  Value* Buffer(int i);
  Value* Dim(const std::string& symbol);
  Value* Scratch();
  Value* Begin();
  Value* End();
  Value* Parts();
  Value* Workspace();
  Value* Computed();

  llvm::Type* F32(int lanes);
  llvm::Type* F64(int lanes);
  llvm::Type* Int(int bits, int lanes);
  // Integers as wide as elements of the dtype, which is plain, and where one may lie.
  llvm::Type* BitsOf(ir::DType dtype, int lanes = 1);
  static llvm::Align AlignOf(ir::DType dtype);
  Value* Const(int64_t value);  // i64
  Value* ConstF32(float value, int lanes);
  Value* ConstF64(double value, int lanes);
  Value* ConstInt(int64_t value, int bits, int lanes);
  Value* Splat(Value* scalar, int lanes);  // unchanged for lanes == 1

  Value* ExtentValue(const ir::Extent& extent);  // i64
  Value* StrideValue(const ir::Stride& stride);  // i64
  // Elements from the buffer's start to the element with these indices; axes without an index count
  // 0.
  Value* Offset(const std::vector<ir::StridedAxis>& axes, const Indices& indices);
  // base + elements * size of dtype.
  Value* Address(Value* base, Value* elements, ir::DType dtype);

  // a * b + c with one rounding where the target has fma, two elsewhere.
  Value* MulAdd(Value* a, Value* b, Value* c);

  // `lanes` consecutive elements, widened to f32 (integers are converted).
  Value* Load(Value* pointer, ir::DType dtype, int lanes);
  // One integer element as i64.
  Value* LoadIndex(Value* pointer, ir::DType dtype);
  // Asks for the cache line `bytes` behind `pointer`, which may lie past the end of anything.
  void Prefetch(Value* pointer, int64_t bytes);
  // Into the second nearest cache.
  void PrefetchNear(Value* pointer);
  // The same for the line at `pointer`, which is about to be written.
  void PrefetchForWrite(Value* pointer);
  // Rounds f32 lanes to the dtype (nearest even) and stores them; for i8 they lie in -127..127.
  void Store(Value* pointer, ir::DType dtype, Value* value);
  // 16 lanes at a constant or dynamic stride, gathered one by one.
  Value* LoadStrided(Value* base, Value* first, Value* stride, ir::DType dtype, int lanes);

  // bf16 and f16 bits (as i32 lanes, upper half zero) to f32 lanes, and back.
  Value* BF16BitsToF32(Value* bits);
  Value* F16BitsToF32(Value* bits);
  Value* F32ToBF16Bits(Value* value);
  Value* F32ToF16Bits(Value* value);

  // for (i = begin; i < end; i += step): `body` gets i and the carried values and returns the next
  // ones.
  using Carried = std::vector<Value*>;
  Carried Loop(Value* begin, Value* end, int64_t step, const Carried& init,
               const std::function<Carried(Value* i, const Carried&)>& body);
  void Loop(Value* begin, Value* end, int64_t step, const std::function<void(Value* i)>& body);
  // `body` for 0 .. count - 1, a loop whose rounds take up to four: as many as divide the count. Code
  // that does not grow with the count is compiled as fast for long rows as for short ones.
  void InRounds(int64_t count, const std::function<void(Value* i)>& body);
  void If(Value* condition, const std::function<void()>& then,
          const std::function<void()>& otherwise = nullptr);

  // Over [begin, end) of the call.
  void ForItems(const std::function<void(Value* item)>& body);
  // A work item as a row: one index into each of `axes`, the last one fastest. An item holds
  // `item_rows` elements of the last axis, and the index is that of the first.
  Indices IndicesOf(const std::vector<ir::Axis>& axes, Value* item, int64_t item_rows);
  // Over the work items as rows.
  void ForRows(const std::vector<ir::Axis>& axes, const std::function<void(Indices)>& body,
               int64_t item_rows = 1);
  // 0..extent in steps of 16 lanes, then what is left one by one.
  void ForLanes(const ir::Extent& extent, const std::function<void(Value* i, int lanes)>& body);
  // The same with carried values: the 16-lane ones are handed to `fold` before the single steps,
  // which carry what it returns.
  Carried ForLanes(const ir::Extent& extent, const Carried& init,
                   const std::function<Carried(Value* i, int lanes, const Carried&)>& body,
                   const std::function<Carried(const Carried&)>& fold);

  // Sum or maximum of 16 lanes in a fixed order: halves, then quarters, ...
  Value* SumLanes(Value* vector);
  Value* MaxLanes(Value* vector);
  Value* Max(Value* a, Value* b);
  // Of two signed integers, the smaller and the larger one.
  Value* Least(Value* a, Value* b);
  Value* Most(Value* a, Value* b);

 protected:
  // From now on these are the buffers.
  void SetBuffers(const std::vector<Value*>& buffers);

 private:
  // The entry block, which only leads to the body: what is loaded once goes there.
  void BeginBody();
  void EmitPrefetch(Value* pointer, int write, int locality);
  Value* EntryLoad(int64_t byte_offset, llvm::Type* type, const char* name);

  llvm::IRBuilder<> builder_;
  const Target& target_;
  std::vector<std::string> symbols_;
  llvm::Function* function_;
  llvm::BasicBlock* entry_;
  Value* args_ = nullptr;
  bool aligned_ = false;  // elements lie at multiples of their size
  std::map<int, Value*> buffers_;
  std::map<std::string, Value*> dims_;
  std::map<int64_t, Value*> fields_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_EMITTER_H_
