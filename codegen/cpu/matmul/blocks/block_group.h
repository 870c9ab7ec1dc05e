// Where the blocks of a panel lie: 16 side by side, a group, for each block's elements along K.
//
//   Value* group = BlockGroupAt(e, ir::DType::kQ4_0, panel, k);  // 288 bytes
//   PrefetchGroup(e, group, 288, dot.prefetch_bytes);
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_GROUP_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_GROUP_H_

#include "base/align.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {

// The group of 16 blocks that begins with element k of a panel.
inline Value* BlockGroupAt(Emitter& e, ir::DType b, Value* panel, Value* k) {
  const ir::Encoding& encoding = ir::EncodingOf(b);
  const Integer group = Integer(e, k) / encoding.elements;
  return e.Address(panel, group * (encoding.bytes * kLanes), ir::DType::kI8);
}

// Asks for the lines of a group `ahead` bytes further on; 0: for none.
inline void PrefetchGroup(Emitter& e, Value* group, int64_t group_bytes, int64_t ahead) {
  if (ahead == 0) return;
  for (int64_t line = 0; line < group_bytes; line += base::kCacheLine) {
    e.Prefetch(group, ahead + line);
  }
}

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_GROUP_H_
