// Where a block of a tensor lies, row-major or in panels.
//
//   const BlockPlace place = BlockAt(e, table, e.Buffer(0), {{"vocab", %row}, {"hid", %k}});
//   BlockValues values(e, table.dtype, place.address, 1, place.stride);
#ifndef LLUDA_CODEGEN_EMIT_BLOCK_ACCESS_H_
#define LLUDA_CODEGEN_EMIT_BLOCK_ACCESS_H_

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Its bytes lie together by units (ir::BlockUnit); the byte `at`, the first of one, is at * stride on.
struct BlockPlace {
  Value* address;  // of the block's first byte
  int64_t stride;
  int64_t unit = 1;
};

// The block that begins with the element of these indices.
BlockPlace BlockAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices);

// The axis that the blocks of a tensor lie along.
const ir::Axis& BlockAxis(const TensorSpec& tensor);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_BLOCK_ACCESS_H_
