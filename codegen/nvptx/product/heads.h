// The end of an epilogue that needs whole heads: a warp normalises, rotates and stores a head, or
// appends it.
//
//   Heads heads(spec, e);
//   heads.Finish({{row, sums}});     // the whole warp; `sums` are the head's columns, f32
//   heads.StoreElement(row, d, x);   // one thread, for a head that is neither
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_

#include <cstdint>
#include <vector>

#include "codegen/emit/row_math.h"
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

  // A head of a row: where its sums are, and whether there is one (null: there is).
  struct Head {
    Indices row;
    Value* sums;
    Value* there = nullptr;
  };
  // Ends heads side by side: what they read is asked for before anything is stored. Of one that is not
  // there the sums and the row are read all the same.
  void Finish(const std::vector<Head>& heads);
  void StoreElement(const Indices& row, Value* d, Value* value);

 private:
  bool has(ir::EpilogueStep step) const { return spec_.attrs.epilogue.Has(step); }
  int operand(ir::EpilogueStep step) const { return spec_.attrs.epilogue.OperandOf(step); }
  // A lane's elements of an ended head, by their numbers, and where they go.
  struct Ended {
    Indices to;
    std::vector<Value*> dims;
    std::vector<Value*> values;
  };
  Ended End(const Head& head);
  // An element of the head, normalised if the epilogue says so.
  Value* Normalised(Value* sum, Value* d, Value* inverse);
  Rotated Turned(const Indices& row, Value* pair, const Rotated& elements);
  Indices PlaceOf(const Indices& row);
  void Store(const Indices& to, Value* d, Value* value);
  // The lane's elements of a head, one after the other: for heads of any length.
  void FinishByElements(const Indices& row, Value* sums);

  const KernelSpec& spec_;
  GpuEmitter& e_;
  const std::vector<ir::Axis> heads_;
  const ir::Axis dim_;
  const int64_t dims_;
  const int64_t turned_;  // of them, those that are rotated
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_HEADS_H_
