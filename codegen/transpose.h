// Transposes 16 x 16 matrices of 32-bit lanes in registers, for the kernels that bring matrices
// into panels.
//
// Example: 16 vectors that each hold 16 neighbouring elements of one row become 16 vectors that
// each hold one column's element of all rows.
#ifndef LLUDA_CODEGEN_TRANSPOSE_H_
#define LLUDA_CODEGEN_TRANSPOSE_H_

#include <array>

#include "codegen/emitter.h"

namespace lluda::codegen {

inline constexpr int kTransposed = 16;

// rows[i] lane j becomes rows[j] lane i; all are <16 x i32>.
std::array<Value*, kTransposed> Transpose(Emitter& e, std::array<Value*, kTransposed> rows);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_TRANSPOSE_H_
