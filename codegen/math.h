// Elementary functions on vectors, as polynomials: kernels call no library.
//
// Example: Exp(e, x) of 16 lanes is about 20 instructions. Error bounds are asserted by
// math_test.cc against the C library in double:
//   Exp   relative error below 2^-22; results under 2^-126 become 0
//   ExpOfNonPositive  the same bits as Exp for x <= 0, with less work; nothing is promised for x >
//   0 Silu  relative error below 2^-21 as long as exp(-x) is finite; -0 for x below -88.722839,
//   where
//         the exact value is above -2.7e-37
//   Sin, Cos   below 0.51 ulp of the f32 result for |x| <= 2^20 (computed in double)
//   Power      below 0.51 ulp of the f32 result while it is finite and normal (computed in double)
#ifndef LLUDA_CODEGEN_MATH_H_
#define LLUDA_CODEGEN_MATH_H_

#include "codegen/emitter.h"

namespace lluda::codegen {

// All take and return f32, scalar or vector.
Value* Exp(Emitter& e, Value* x);
Value* ExpOfNonPositive(Emitter& e, Value* x);
// x / (1 + exp(-x)).
Value* Silu(Emitter& e, Value* x);
Value* Sin(Emitter& e, Value* x);
Value* Cos(Emitter& e, Value* x);
// base^x for a constant base > 0.
Value* Power(Emitter& e, double base, Value* x);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_MATH_H_
