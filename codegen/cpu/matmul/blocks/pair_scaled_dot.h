// scaled_dot.h with vdpbf16ps: a step's sum is one chain of it, from nothing, over the step's pairs of
// elements from front to back, and then as there
//   sum = fma(step's sum, scale, sum), and where the format has a term, fma(term, ones, sum).
// Panels that lie as they are and panels that were expanded, one row and a tile of them have the same
// bits. ones is the step's activations, in pairs times 1 by vdpbf16ps and then added as a tree.
//
// Example: 6 rows times 2 panels of q4_0 over K = 1024 are 32 steps of 192 vdpbf16ps and 12 fused
// multiply-adds.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_PAIR_SCALED_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_PAIR_SCALED_DOT_H_

#include <vector>

#include "codegen/cpu/matmul/blocks/scaled_dot.h"
#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// Of `rows` rows.
int64_t PairRowSumBytes(ir::DType b, int64_t depth_total, int rows);
// Stores each row's sums of a step, row after row, to `to`: what the functions below take as row_sums.
void EmitPairRowSums(Emitter& e, ir::DType b, int64_t depth_total,
                     const std::vector<Value*>& a_rows, Value* to);

struct PairScaledDot {
  ir::DType b;             // one that has a ScaledTile of pairs
  int64_t depth_total;     // K, whole blocks
  int64_t prefetch_bytes;  // as PanelDot's; of panels that lie as they are
  Value* row_sums;         // null where the format has no term
};

// accumulators[row][panel], each <16 x float>. a_rows point at a row's first bf16.
std::vector<std::vector<Value*>> EmitPairScaledDot(Emitter& e, const PairScaledDot& dot,
                                                   const std::vector<Value*>& a_rows,
                                                   const std::vector<ScaledPanel>& panels);

// The same of panels of blocks as they lie.
std::vector<std::vector<Value*>> EmitPairBlockDot(Emitter& e, const PairScaledDot& dot,
                                                  const std::vector<Value*>& a_rows,
                                                  const std::vector<Value*>& panels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_PAIR_SCALED_DOT_H_
