// Where the blocks of a panel lie: 16 side by side, a group, for each block's elements along K.
//
//   Value* group = BlockGroupAt(e, ir::DType::kQ4_0, panel, k);  // 288 bytes
//   PrefetchGroup(e, ir::DType::kQ4_0, group, dot.prefetch_bytes);  // 5 lines
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

// Asks for the lines of a group `ahead` bytes further on that elements [first, end) of a block have as
// their share; 0: for none. A core waits for a few lines only: those of a large block, asked for at
// once, hold up what it reads.
inline void PrefetchShare(Emitter& e, ir::DType b, Value* group, int64_t first, int64_t end,
                          int64_t ahead) {
  if (ahead == 0) return;
  const ir::Encoding& encoding = ir::EncodingOf(b);
  const auto line = [&](int64_t element) {
    return base::RoundUp(encoding.bytes * kLanes * element / encoding.elements, base::kCacheLine);
  };
  for (int64_t at = line(first); at < line(end); at += base::kCacheLine)
    e.Prefetch(group, ahead + at);
}

// The same of a whole block.
inline void PrefetchGroup(Emitter& e, ir::DType b, Value* group, int64_t ahead) {
  PrefetchShare(e, b, group, 0, ir::EncodingOf(b).elements, ahead);
}

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCKS_BLOCK_GROUP_H_
