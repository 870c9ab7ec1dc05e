// Elementary functions on vectors, as polynomials: kernels call no library.
//
// Example: Exp(e, x) of 16 lanes is about 20 instructions. Error bounds are asserted by
// math_test.cc against the C library in double:
//   Exp   relative error below 2^-22; results under 2^-126 become 0
//   ExpOfScaled  relative error below 2^-22, and 2^-23 more for each unit of -x * scale; results
//         under 2^-125 become about that
//   Silu  relative error below 2^-21; -0 for x below -87.33654, where the exact value is above
//         -1.1e-36
//   Sigmoid  relative error below 2^-21; 0 for x below -87.33654
//   Gelu  off by less than 2^-20 of |x|; for x > 0 that is a relative error below 2^-19
//   Tanh  relative error below 2^-21
//   Erf   relative error below 2^-21
//   GeluErf  off by less than 2^-21 of |x|
//   Sin, Cos   below 0.51 ulp of the f32 result for |x| <= 2^20 (computed in double)
//   Power      below 0.51 ulp of the f32 result while it is finite and normal (computed in double)
#ifndef LLUDA_CODEGEN_EMIT_MATH_H_
#define LLUDA_CODEGEN_EMIT_MATH_H_

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// All take and return f32, scalar or vector.
Value* Exp(Emitter& e, Value* x);
// exp(x * scale) for scale > 0 and x <= 0, in about 12 instructions; nothing is promised for x > 0.
Value* ExpOfScaled(Emitter& e, Value* x, float scale);
// x / (1 + exp(-x)).
Value* Silu(Emitter& e, Value* x);
// 1 / (1 + exp(-x)).
Value* Sigmoid(Emitter& e, Value* x);
// By the formula with tanh, ir/op/gelu.h.
Value* Gelu(Emitter& e, Value* x);
Value* Tanh(Emitter& e, Value* x);
Value* Erf(Emitter& e, Value* x);
// By its definition with erf, ir/op/gelu.h.
Value* GeluErf(Emitter& e, Value* x);
Value* Sin(Emitter& e, Value* x);
Value* Cos(Emitter& e, Value* x);
// base^x for a constant base > 0.
Value* Power(Emitter& e, double base, Value* x);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_MATH_H_
