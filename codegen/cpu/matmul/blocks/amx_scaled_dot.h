// scaled_dot.h on the register tiles of AMX: each step is a product of tiles, whose sums vectors
// multiply by the scales. Tiles are set up for the depth of a step.
//
// Example: two A tiles and two panels over K = 1024 are 32 steps of four tdpbf16ps; after each four
// steps 32 x 32 sums take four fused multiply-adds each.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_AMX_SCALED_DOT_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_AMX_SCALED_DOT_H_

#include <vector>

#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/matmul/blocks/scaled_dot.h"

namespace lluda::codegen {

// What both functions need of scratch memory.
int64_t AmxScaledScratchBytes();
// Of the sums of the rows of two A tiles.
int64_t AmxRowSumBytes(int64_t depth_total, int64_t of_step);

// The sums of each step's elements of `rows` rows of A (i64), to `to`.
void EmitAmxRowSums(Emitter& e, const std::vector<AmxRows>& a, int64_t depth_total, int64_t of_step,
                    Value* rows, Value* scratch, Value* to);

struct AmxScaledDot {
  AmxDot numbers = {};  // A and the panels' numbers; its depth is a step's
  int64_t depth_total = 0;
  std::vector<Value*> scales = {};  // of each panel, as ScaledPanel's
  std::vector<Value*> terms = {};   // likewise; empty where the format has none
  Value* row_sums = nullptr;        // of EmitAmxRowSums, where there are terms
};
// Stores the results of `rows` rows (i64) as EmitAmxDot does.
void EmitAmxScaledDot(Emitter& e, const AmxScaledDot& dot, Value* rows, Value* scratch, Value* out);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_AMX_SCALED_DOT_H_
