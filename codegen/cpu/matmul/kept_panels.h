// Which panels a matmul with the step `keep` may leave out: those in which no row's sum is kept.
//
//   KeptPanels kept(operands, e);
//   e.If(kept.Any(rows, panel), compute, store_hidden);
//
// The sums of a panel that is computed are those of any other matmul, to the bit.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_KEPT_PANELS_H_
#define LLUDA_CODEGEN_CPU_MATMUL_KEPT_PANELS_H_

#include "codegen/cpu/matmul/matmul_operands.h"

namespace lluda::codegen {

class KeptPanels {
 public:
  KeptPanels(const MatmulOperands& operands, Emitter& e) : o_(operands), e_(e) {}

  // Whether there are such panels.
  bool Leaves() const { return o_.keeps() && o_.columns >= kLanes; }
  // Whether (i1) some of the rows keeps some of the panel's columns.
  Value* Any(const MatmulOperands::Rows& rows, Value* panel) const;
  // The same of `count` rows (i64) from `first` on.
  Value* Any(Value* first, Value* count, Value* panel) const;
  // What the sums of a panel that is left out become.
  Value* Hidden() const;
  // Notes in KernelArgs::computed that one is computed.
  void Count() const;

 private:
  Value* OfRow(Value* row, Value* panel) const;

  const MatmulOperands& o_;
  Emitter& e_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_KEPT_PANELS_H_
