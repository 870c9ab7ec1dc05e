// What a norm and a rotation compute, for the kernels that do: rmsnorm and rope, and matmuls that
// normalise and rotate heads. One definition, so that they give the same bits.
//
// Example: Rotate(e, {lo, hi}, cos, sin) on vectors of 16 lanes turns 16 pairs.
#ifndef LLUDA_CODEGEN_EMIT_ROW_MATH_H_
#define LLUDA_CODEGEN_EMIT_ROW_MATH_H_

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// 1 / sqrt(squares / count + eps), one f32 each.
Value* InverseRootMeanSquare(Emitter& e, Value* squares, int64_t count, double eps);

// The elements of pairs, as lanes or one.
struct Rotated {
  Value* lo;
  Value* hi;
};
// Turns each pair by the angle with this cosine and sine.
Rotated Rotate(Emitter& e, const Rotated& pair, Value* cos, Value* sin);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_ROW_MATH_H_
