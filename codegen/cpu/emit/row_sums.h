// A loop along the contracted axis that carries the sums of rows times panels, from zero.
//
//   RowSums sums = LoopOverSums(e, 6, 2, end, 32, [&](Value* k, RowSums* sums) {
//     (*sums)[0][1] = ...;  // the first row's sum with the second panel, after elements k .. k + 32
//   });
#ifndef LLUDA_CODEGEN_CPU_EMIT_ROW_SUMS_H_
#define LLUDA_CODEGEN_CPU_EMIT_ROW_SUMS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

using RowSums = std::vector<std::vector<Value*>>;  // [row][panel], each <16 x float>

// `body` for k = 0, step, ... below `end`.
inline RowSums LoopOverSums(Emitter& e, size_t rows, size_t panels, int64_t end, int64_t step,
                            const std::function<void(Value* k, RowSums* sums)>& body) {
  const auto unflatten = [&](const Emitter::Carried& flat) {
    RowSums sums(rows);
    for (size_t i = 0; i < flat.size(); ++i) sums[i / panels].push_back(flat[i]);
    return sums;
  };
  const Emitter::Carried zeros(rows * panels, e.ConstF32(0.0f, kLanes));
  const auto round = [&](Value* k, const Emitter::Carried& flat) {
    RowSums sums = unflatten(flat);
    body(k, &sums);
    Emitter::Carried next;
    for (const auto& row : sums) next.insert(next.end(), row.begin(), row.end());
    return next;
  };
  return unflatten(e.Loop(e.Const(0), e.Const(end), step, zeros, round));
}

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_ROW_SUMS_H_
