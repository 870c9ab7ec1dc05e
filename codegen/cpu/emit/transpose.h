// Transposes matrices of 32-bit lanes in registers, for the kernels that bring matrices into panels
// and interleave rows.
//
// Example: 16 vectors that each hold 16 neighbouring elements of one row become 16 vectors that
// each hold one column's element of all rows.
#ifndef LLUDA_CODEGEN_CPU_EMIT_TRANSPOSE_H_
#define LLUDA_CODEGEN_CPU_EMIT_TRANSPOSE_H_

#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// n rows of <8 x i32> or <16 x i32>, n being 8 or 16 and no more than lanes: of every group of n
// lanes, rows[i] lane j becomes rows[j] lane i.
std::vector<Value*> Transpose(Emitter& e, std::vector<Value*> rows);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_TRANSPOSE_H_
