// Where a block of a tensor lies, row-major or in panels.
//
//   const BlockPlace place = BlockAt(e, table, e.Buffer(0), {{"vocab", %row}, {"hid", %k}});
//   BlockValues values(e, table.dtype, place.address, 1, place.stride);
#ifndef LLUDA_CODEGEN_CPU_EMIT_BLOCK_ACCESS_H_
#define LLUDA_CODEGEN_CPU_EMIT_BLOCK_ACCESS_H_

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

struct BlockPlace {
  Value* address;  // of the block's first byte
  int64_t stride;  // bytes from one of its bytes to the next
};

// The block that begins with the element of these indices.
BlockPlace BlockAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices);

// The axis that the blocks of a tensor lie along.
const ir::Axis& BlockAxis(const TensorSpec& tensor);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_BLOCK_ACCESS_H_
