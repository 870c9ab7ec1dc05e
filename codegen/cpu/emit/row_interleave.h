// Activations whose rows are interleaved. Where the only readers of a value are register tiles, its
// rows lie as the tiles read them, so that nobody has to copy them for each chunk of a matmul.
//
// The first axis is cut into groups of `TensorSpec::interleaved_rows` rows. Within a group the rows
// take turns, `interleaved_dwords` times 4 bytes (ir::DwordElements) each: 1, or the 16 that a tile of
// AMX takes of a row. The rows that fill no group follow row-major. A single token's row is therefore
// contiguous, and the buffer is as large as that of plain rows.
//
// Example: bf16 tok[T] hid[1024] with interleaved_rows = 12 and T = 26 has two groups of 12 x 1024,
// in which element (t, k) lies at (t / 12) * 12 * 1024 + (k / 2) * 24 + (t % 12) * 2 + k % 2. Two
// rows follow.
#ifndef LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_
#define LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_

#include <vector>

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// 16 f32 lanes, rounded to the dtype, as the dwords they are stored in: one each for f32, one for
// two of a 16-bit type.
Value* Dwords(Emitter& e, ir::DType dtype, Value* value);
// Elements of one row: the product of all axes but the first, which are constant.
int64_t ElementsOfRow(const TensorSpec& tensor);
// How many of a tensor's `rows` rows are interleaved.
Value* InterleavedRows(Emitter& e, const TensorSpec& tensor, Value* rows);

// Rounds 16 f32 lanes to the tensor's dtype and stores them as elements [k, k + 16) of a row. k is
// a multiple of 16. `interleaved`, an i1, tells whether the row belongs to a group.
void StoreInterleaved(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row,
                      Value* interleaved, Value* k, Value* value);

// The same for some or all rows of one group: values[i] belongs to row first + i.
void StoreRowGroup(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first, Value* k,
                   const std::vector<Value*>& values);
// Where elements [k, k + 16) of the group that holds `row` begin: those of its first row, and with a
// dword at a time those of all its rows together.
Value* RowGroupAddress(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row, Value* k);
// Where those of `row`, which belongs to a group, begin.
Value* InterleavedAddress(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* row,
                          Value* k);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_EMIT_ROW_INTERLEAVE_H_
