// Activations in row blocks: where the only readers of a value are register tiles, its rows lie as
// the tiles read them, so that nobody has to copy them for each chunk of a matmul.
//
// The first axis is cut into blocks of `TensorSpec::block_rows`. Within a block the rows take
// turns, 4 bytes (ir::DwordElements) each. The rows that fill no block follow row-major, so a
// single token's row is contiguous and the buffer is as large as without blocks.
//
// Example: bf16 tok[T] hid[1024] with block_rows = 12 and T = 26: two blocks of 12 x 1024, in which
// element (t, k) lies at (t / 12) * 12 * 1024 + (k / 2) * 24 + (t % 12) * 2 + k % 2; then two rows.
#ifndef LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_
#define LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_

#include <vector>

#include "codegen/cpu/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// 16 f32 lanes, rounded to the dtype, as the dwords they are stored in: one each for f32, one for
// two of a 16-bit type.
Value* Dwords(Emitter& e, ir::DType dtype, Value* value);
// Elements of one row: the product of all axes but the first, which are constant.
int64_t BlockedRowElements(const TensorSpec& tensor);
// How many rows of a tensor with `rows` rows lie in blocks.
Value* RowsInBlocks(Emitter& e, const TensorSpec& tensor, Value* rows);

// Rounds 16 f32 lanes to the tensor's dtype and stores them as elements [k, k + 16) of a row, k
// being a multiple of 16. `in_block` is an i1: whether the row lies in a block.
void StoreBlocked(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row, Value* in_block,
                  Value* k, Value* value);

// The same for some or all rows of one block: values[i] belongs to row first + i.
void StoreBlockRows(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first, Value* k,
                    const std::vector<Value*>& values);
// Where elements [k, k + 16) of a block begin; those of all its rows lie together.
Value* BlockAddress(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row, Value* k);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_
