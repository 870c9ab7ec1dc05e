// The inner tile every matrix product is made of: rows of A times panels of B, with one accumulator
// chain per result element that runs through the contracted axis from front to back. Tiles of any
// size therefore give the same bits.
//
// Example: a tile of 12 rows x 2 panels over K = 1024 holds 24 accumulators; on avx512bf16 each
// step of two elements is 24 vdpbf16ps.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_PANEL_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_PANEL_DOT_H_

#include <functional>
#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

struct PanelDot {
  Dot dot;
  ir::DType a;
  ir::DType b;  // i8 is widened to f32, or to bf16 where the dot takes pairs: both hold it exactly
  int64_t depth_total;  // K
  // B comes from memory: ask for what lies so many bytes ahead of what is used; 0: do not.
  int64_t prefetch_bytes = 0;
  // A's rows interleaved: this many rows take turns, 4 bytes each; 1 for rows that are contiguous.
  int a_interleaved = 1;
  // Called for every VisitDepth(a, b) elements with the first of them: to fetch what will be needed
  // later, a little at a time, so that what the tile itself waits for is not held up. They divide
  // depth_total.
  std::function<void(Value* k)> visit = nullptr;
  // As prefetch_bytes, where the distance is known at run time only; null: it is not.
  Value* prefetch_distance = nullptr;
};

int64_t VisitDepth(ir::DType a, ir::DType b);

// accumulators[row][panel], each <16 x float>: sum over k of a_rows[row][k] *
// panels[panel][k][0..16). a_rows point at a row's first element, panels at a panel's start; K is
// padded with zeros in B.
std::vector<std::vector<Value*>> EmitPanelDot(Emitter& e, const PanelDot& dot,
                                              const std::vector<Value*>& a_rows,
                                              const std::vector<Value*>& panels);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_PANEL_DOT_H_
