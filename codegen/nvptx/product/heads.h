// The end of an epilogue that needs whole heads: a warp normalises, rotates and stores a head, or
// appends it.
//
//   Heads heads(spec, e);
//   heads.Finish(row, sums);         // the whole warp; `sums` are the head's columns, f32
//   heads.StoreElement(row, d, x);   // one thread, for a head that is neither
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "codegen/kernel_spec.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen::gpu {

class Heads {
 public:
  // The epilogue is per head.
  Heads(const KernelSpec& spec, GpuEmitter& e);

  int64_t dims() const { return dims_; }
  const std::vector<ir::Axis>& axes() const { return heads_; }
  // Whether an element depends on the head's others.
  bool IsWhole() const { return has(ir::EpilogueStep::kNorm) || has(ir::EpilogueStep::kRope); }
  // The indices of the heads' axes for the head of this number, added to those of a row.
  Indices RowOf(Indices row, Value* head) const;

  void Finish(const Indices& row, Value* sums);
  void StoreElement(const Indices& row, Value* d, Value* value);

 private:
  bool has(ir::EpilogueStep step) const { return spec_.attrs.epilogue.Has(step); }
  int operand(ir::EpilogueStep step) const { return spec_.attrs.epilogue.OperandOf(step); }
  Value* SumAt(Value* d);
  Value* Inverse();
  // An element of the head, normalised if the epilogue says so.
  Value* At(Value* d);
  // A lane for each pair that is rotated. Returns how many elements of a head were.
  int64_t StoreTurned(const Indices& row, const std::function<void(Value*, Value*)>& store);

  const KernelSpec& spec_;
  GpuEmitter& e_;
  const std::vector<ir::Axis> heads_;
  const ir::Axis dim_;
  const int64_t dims_;
  Value* sums_ = nullptr;
  Value* inverse_ = nullptr;
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_
