// Weights in blocks as numbers of a few bits and the scales that 16 or 32 neighbours share, a step:
// the products with a step's numbers are summed first, then multiplied by its scale.
//
// A result is, from the axis's front to its back, step after step,
//   sum = fma(even + odd, scale, sum), and where the format has a term, fma(term, ones, sum),
// where even and odd are the products of the elements with an even and an odd number in the step,
// each added by fma in order, from nothing; and ones is the step's sum of activations, made alike.
// It is what a step of AMX does (amx.h), so one row that is multiplied in registers and tiles have
// the same bits. tdpbf16ps takes subnormal numbers to be zero, and so is done to a row here.
//
// Example: at K = 1024 a panel of q4_0, 9 KB, has 32 steps; expanded, 32 KB of bf16 and 2 KB of
// scales.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_SCALED_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_SCALED_DOT_H_

#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// The tile that multiplies activations `a` with the numbers of a matrix of `b`; null where b is not
// in blocks, or the target multiplies its values instead.
const TileRow* ScaledTile(const Target& target, ir::DType a, ir::DType b);
// Elements of a step.
int64_t StepOf(ir::DType b);
// Whether a format has a term.
bool HasTerm(ir::DType b);

// A panel of 16 columns. Each part is at a cache line's start.
struct ScaledPanel {
  Value* numbers;  // as a panel of bf16 in pairs
  Value* scales;   // f32, 16 for each step
  Value* terms;    // likewise; null where the format has none
};
// The bytes of the scales, or of the terms, of K elements.
int64_t ScaleBytes(ir::DType b, int64_t depth_total);

// Writes the panel of blocks at `from`.
void EmitExpandScaled(Emitter& e, ir::DType b, int64_t depth_total, Value* from,
                      const ScaledPanel& to);

// A row of bf16 as EmitScaledDot reads it.
struct WidenedRow {
  Value* elements;  // f32
  Value* sums;      // f32, one for each step; null where the format has no term
};
void EmitWidenRow(Emitter& e, ir::DType b, int64_t depth_total, Value* row, const WidenedRow& to);

struct ScaledDot {
  ir::DType b;             // one that has a ScaledTile
  int64_t depth_total;     // K, whole blocks
  int64_t prefetch_bytes;  // as PanelDot's
  Value* decoded;          // DecodedBytes() for each panel, at a cache line's start
};
// Where a few blocks of a panel have their numbers as bytes, and their scales and terms, before they
// are multiplied: of formats whose numbers are put together of several bits; of others 0.
int64_t DecodedBytes(ir::DType b, int64_t depth_total);
// One <16 x float> per panel of blocks.
std::vector<Value*> EmitScaledDot(Emitter& e, const ScaledDot& dot, const WidenedRow& row,
                                  const std::vector<Value*>& panels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_SCALED_DOT_H_
