// A section's weighted values on the register tiles of Intel AMX: rows of weights times V.
//
// A weight is the sum of three numbers of bf16, each the leading eight bits of what the ones before
// it left: all 24 bits of an f32, so nothing is rounded. V is brought into pairs of positions. For
// each 32 positions, counted from the section's start, the three products are added one after
// another: the order of a sum depends on positions alone.
//
//   AmxValues values(operands, e, scratch, /*rows=*/32);
//   values.StoreWeights(row, column, of_16_positions, of_the_next_16) ... for all rows and columns
//   values.Pair(cached, e.Const(0), e.Const(256));
//   values.Multiply(/*rows=*/32, e.Const(0), e.Const(256));
//   ... values.Sums(row, d) ...
//
// A column is a position's number in its section; columns come and go by kAmxDepth.
#ifndef LLUDA_CODEGEN_CPU_ATTENTION_AMX_VALUES_H_
#define LLUDA_CODEGEN_CPU_ATTENTION_AMX_VALUES_H_

#include <functional>

#include "codegen/emit/attention_operands.h"

namespace lluda::codegen {

class AmxValues {
 public:
  // For sections of `positions` positions and at most so many rows. Scratch memory from byte `at` on
  // is its own.
  AmxValues(const AttentionOperands& operands, Emitter& e, int64_t at, int64_t rows,
            int64_t positions);
  int64_t scratch_bytes() const { return scratch_bytes_; }

  // The weights of the columns [column, column + 32), two vectors of f32.
  void StoreWeights(Value* row, Value* column, Value* first, Value* second);

  // The indices of the states that lead to a column.
  using Cached = std::function<Indices(Value* column)>;
  // Pairs the values of the columns [begin, end).
  void Pair(const Cached& cached, Value* begin, Value* end);
  // The same, with zeros for columns outside [hidden, seen). Gives whether one of the others is no
  // finite number (i1): 0 times it would be none either.
  Value* PairSeen(const Cached& cached, Value* begin, Value* end, Value* hidden, Value* seen);

  // Weights times values of the columns [begin, end), for rows 0 .. rows. `visit`, if there is one,
  // is called at each step with its number, from 0 to below Steps() for a whole section, to fetch what
  // will be needed later.
  void Multiply(int rows, Value* begin, Value* end,
                const std::function<void(Value* step)>& visit = nullptr);
  // Steps of a whole section's product.
  int64_t Steps() const;
  // What came of it: the d-th vector of a row.
  Value* Sums(Value* row, Value* d);

 private:
  Value* At(int64_t part, Value* bytes);
  // Where the weights of 32 columns begin: tiles of 1 KB, for each digit one or two.
  Value* StepOfWeights(Value* column);
  // The values of a column and the one behind it in pairs, 32 elements from each.
  void StorePairs(Value* column, Value* first, Value* even, Value* odd);
  Value* LoadElements(Value* row, Value* first);

  const AttentionOperands& o_;
  Emitter& e_;
  const int64_t tiles_;  // of rows
  const int64_t positions_;
  int64_t weights_at_, pairs_at_, sums_at_;
  int64_t scratch_bytes_ = 0;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_ATTENTION_AMX_VALUES_H_
