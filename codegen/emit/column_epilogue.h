// The steps of a matmul's epilogue that need no more of a row than neighbouring columns: those that
// add an operand, functions of a column, and those that make one column of two.
//
// Example: for `epilogue = bias silu_mul` a tile's vectors of 16 columns become
//   gate = ApplyColumnStep(spec, e, kBias, gate, {}, column);
//   up = ApplyColumnStep(spec, e, kBias, up, {}, half + column);
//   result = FoldHalves(e, kSiluMul, gate, up);
// Steps that need a whole head are in codegen/cpu/matmul/head_epilogue.h.
#ifndef LLUDA_CODEGEN_EMIT_COLUMN_EPILOGUE_H_
#define LLUDA_CODEGEN_EMIT_COLUMN_EPILOGUE_H_

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Whether these functions know how the step is computed.
bool EmitsColumnStep(ir::EpilogueStep step);

// What the step makes of `value`, lanes or one element: the sum with its operand's elements from
// `column` on along its last axis, at `indices` of the others, a function of it, or -inf.
Value* ApplyColumnStep(const KernelSpec& spec, Emitter& e, ir::EpilogueStep step, Value* value,
                       const Indices& indices, Value* column);

// Of `lanes` columns from `column` on, whether the step `keep` leaves what it is given.
Value* IsKept(const KernelSpec& spec, Emitter& e, const Indices& indices, Value* column, int lanes);

// What the step makes of columns of the first half and their partners in the second.
Value* FoldHalves(Emitter& e, ir::EpilogueStep step, Value* first, Value* second);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_COLUMN_EPILOGUE_H_
