// Rows of q8_f32 times panels of blocks of integers: the products of a block's integers are summed
// exactly, and the sum is multiplied by both scales and added to the element's one f32 chain, block
// after block from front to back. What makes the sum does not show: tiles of any size and any kind of
// dot give the same bits.
//
// Example: of q4_0 a block of 32 columns is 8 times 4 bytes; on avx2 each takes two vpmaddubsw for 16
// columns, whose sums of 16 bits hold the whole block.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_INTEGER_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_INTEGER_DOT_H_

#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

struct IntegerDot {
  machine::IntegerDot dot;
  ir::DType b;             // one that ir::HoldsIntegers
  int64_t depth_total;     // K, whole blocks
  int64_t prefetch_bytes;  // as PanelDot's
};

// accumulators[row][panel], each <16 x float>. a_rows point at a row's first block of q8_f32, panels at
// a panel's first group of blocks.
std::vector<std::vector<Value*>> EmitIntegerDot(Emitter& e, const IntegerDot& dot,
                                                const std::vector<Value*>& a_rows,
                                                const std::vector<Value*>& panels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_INTEGER_DOT_H_
