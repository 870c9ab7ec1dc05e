// A matmul of two values on register tiles, such as the scores and the weighted sums of an attention
// in which all rows see all keys. Values lie in no panels: where the columns of B do not lie side by
// side, an item brings 16 of them at a time into scratch memory, for all of its rows.
//
// Example: of `matmul %q %keys over dim : f32 tok[A] head[14] key[A]` an item is a head and 32 tokens;
// on avx512 a tile is 8 tokens times 32 keys. Each sum is one chain, from the front of the axis to its
// back, so that its bits depend on its own row and column alone.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_VALUE_MATMUL_H_
#define LLUDA_CODEGEN_CPU_MATMUL_VALUE_MATMUL_H_

#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

// Whether the operands lie so that tiles can multiply them: plain floats without an epilogue; B has
// columns that A lacks and A has rows that B lacks; whole vectors of columns, or a constant number of
// neighbouring elements to be summed.
bool TilesCanMultiplyValues(const KernelSpec& spec);

KernelInfo EmitValueMatmul(const KernelSpec& spec, Emitter& e);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_VALUE_MATMUL_H_
