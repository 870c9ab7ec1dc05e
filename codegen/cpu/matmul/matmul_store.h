// How the sums of a tile become elements of a matmul's result: the epilogue's steps on columns
// (codegen/emit/column_epilogue.h), rounding, and the stores, row-major or interleaved.
//
//   MatmulStore(operands, e).StoreTile(rows, first_panel, panels, sums);
#ifndef LLUDA_CODEGEN_CPU_MATMUL_MATMUL_STORE_H_
#define LLUDA_CODEGEN_CPU_MATMUL_MATMUL_STORE_H_

#include <vector>

#include "codegen/cpu/matmul/matmul_operands.h"

namespace lluda::codegen {

class MatmulStore {
 public:
  using Rows = MatmulOperands::Rows;

  MatmulStore(const MatmulOperands& operands, Emitter& e) : o_(operands), e_(e) {}

  // Finishes and stores the rows' sums, [row][panel], the second half's panels behind the first's.
  // A row that is there several times is stored as often, with the same value: all that is added is
  // read before.
  void StoreTile(const Rows& rows, Value* first, int count, std::vector<std::vector<Value*>> sums);

 private:
  Value* IsInterleaved(Value* row, bool fills_tile);
  void Apply(ir::EpilogueStep step, const Rows& rows, Value* first, int count,
             std::vector<std::vector<Value*>>* sums);
  Value* Add(ir::EpilogueStep step, Value* value, Value* row, Value* panel, int lane);
  void StoreLanes(Value* row, Value* panel, Value* value, int lane);
  void StorePartOfPanel(Value* row, Value* panel, Value* value);

  const MatmulOperands& o_;
  Emitter& e_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_MATMUL_STORE_H_
