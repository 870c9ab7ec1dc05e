// Lanes by their numbers.
//
//   Value* is_there = FirstLanes(e, left);  // of a vector that is not full
#ifndef LLUDA_CODEGEN_EMIT_LANES_H_
#define LLUDA_CODEGEN_EMIT_LANES_H_

#include <cstdint>
#include <vector>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// <16 x i32>: 0 to 15.
inline Value* LaneNumbers(Emitter& e) {
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < kLanes; ++i) numbers.push_back(i);
  return llvm::ConstantDataVector::get(e.context(), numbers);
}

// <16 x i1>: whether a lane is one of the first `count`, an i64 from 0 on.
inline Value* FirstLanes(Emitter& e, Value* count) {
  auto& b = e.b();
  return b.CreateICmpULT(LaneNumbers(e), e.Splat(b.CreateTrunc(count, b.getInt32Ty()), kLanes));
}

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_LANES_H_
