// Panels of blocks (ir/type/layout.h) as a matmul's operand B: multiplied by a single row as they
// are, where blocks are small, or expanded to panels of f32 for EmitPanelDot. Both decode an element to the same bits and add
// along K from front to back, as EmitPanelDot does, so that any number of rows gives the same bits.
//
// Example: at K = 1024 a panel of q4_0 is 32 groups of 16 blocks, 288 bytes each; expanded it takes
// 64 KB.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_DOT_H_

#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

struct BlockDot {
  ir::DType a;
  ir::DType b;
  int64_t depth_total;     // K, whole blocks
  int64_t prefetch_bytes;  // as PanelDot's
};

// Whether EmitBlockDot is worth its code, which grows with a block's elements.
bool MultipliesBlocks(ir::DType b);

// One <16 x float> per panel: the sums over k of a_row[k] * panel[k][0..16).
std::vector<Value*> EmitBlockDot(Emitter& e, const BlockDot& dot, Value* a_row,
                                 const std::vector<Value*>& panels);

// Writes the panel of blocks at `from` as a panel of f32 to `to`, at a cache line's start.
void EmitExpandPanel(Emitter& e, ir::DType b, int64_t depth_total, Value* from, Value* to);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_DOT_H_
