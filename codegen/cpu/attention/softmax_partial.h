// What an online softmax knows of some rows after some of their positions, in memory: for each row
// the maximum of its scores, the sum of its weights exp(scale * (score - maximum)), and the sum of
// the values these weigh. Spans of positions that were computed apart are merged into one (Milakov
// and Gimelshein 2018, section 3.1), one after another, so that the order of all sums is fixed.
//
//   total.Clear(row) ... spans are added to total and to later ...
//   total.Merge(later, row);
//   ... total.Mean(row, d), which is the softmax times the values ...
//
// Addresses are of f32; a row is an i64.
#ifndef LLUDA_CODEGEN_CPU_ATTENTION_SOFTMAX_PARTIAL_H_
#define LLUDA_CODEGEN_CPU_ATTENTION_SOFTMAX_PARTIAL_H_

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

class SoftmaxPartial {
 public:
  // Rows from `memory` on, each of values that fill `vectors` vectors of 16.
  SoftmaxPartial(Emitter& e, Value* memory, int64_t vectors, float scale)
      : e_(e), memory_(memory), vectors_(vectors), scale_(scale) {}
  // From one row to the next; a multiple of 64.
  static int64_t RowBytes(int64_t vectors);

  // The d-th vector of the weighted values.
  Value* Values(Value* row, Value* d) const;
  // 16 partial sums of weights.
  Value* Sums(Value* row) const;
  Value* Maximum(Value* row) const;

  // As before the first position.
  void Clear(Value* row) const;
  // Adds the positions that `later` has seen of this row; both have seen some.
  void Merge(const SoftmaxPartial& later, Value* row) const;
  // The d-th vector of the values' weighted mean, given the row's ReciprocalTotal().
  Value* Mean(Value* row, Value* d, Value* reciprocal_total) const;
  // 1 / the sum of all weights, in 16 lanes.
  Value* ReciprocalTotal(Value* row) const;

 private:
  Value* At(Value* row, int64_t bytes) const;

  Emitter& e_;
  Value* memory_;
  int64_t vectors_;
  float scale_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_ATTENTION_SOFTMAX_PARTIAL_H_
