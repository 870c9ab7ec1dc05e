// What one run of a statement has to do at least: arithmetic, and bytes that have to come from
// memory.
//
//   CostShape shape{symbols, /*depth=*/128, /*tokens=*/1};
//   Cost cost = CostOf(op, shape);   // matmul of a token with a packed 6144 x 1024 matrix in bf16:
//                                    // 12.6e6 operations, 12.6e6 bytes
//
// Bytes are those of globals, weights once and a cache as far as it is seen: they do not fit the
// processor's caches, which keep everything else. A multiplication and an addition are two
// operations; softmax, norms and the like count one for each element they compute.
#ifndef LLUDA_IR_COST_H_
#define LLUDA_IR_COST_H_

#include <cstdint>
#include <optional>

#include "ir/graph.h"

namespace lluda::ir {

// The run that is asked about: the symbols' values, and one sequence of which `depth` positions are
// cached when `tokens` more are computed.
struct CostShape {
  SymbolValue symbols;
  int64_t depth = 0;
  int64_t tokens = 1;
  // Columns that a matmul with the step `keep` computes, if that is known; else all of them.
  std::optional<double> kept_columns = {};
};

struct Cost {
  double flops = 0;
  double bytes = 0;
};

// Of an op that is no view, call, loop or terminator: those cost what they run, or nothing.
Cost CostOf(const Op& op, const CostShape& shape);

// Positions that `tokens` tokens behind `depth` cached ones see, added up over the tokens: one sees
// those up to its own, the last `window` of them where there is one.
//   PositionsSeen(10, 2, std::nullopt) == 11 + 12;  PositionsSeen(10, 2, 4) == 4 + 4
double PositionsSeen(int64_t depth, int64_t tokens, std::optional<int64_t> window);

// Positions that at least one of them sees.
//   PositionsRead(10, 2, std::nullopt) == 12;  PositionsRead(10, 2, 4) == 5
double PositionsRead(int64_t depth, int64_t tokens, std::optional<int64_t> window);

}  // namespace lluda::ir

#endif  // LLUDA_IR_COST_H_
