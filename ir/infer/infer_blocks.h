// Which ops read and write elements in blocks, and the types of those that are about nothing else.
//
// Only a few ops do, as a table says; all others refuse block dtypes. So whatever works on ops that
// are not in the table may rely on every element having an address.
//
// Example: `matmul %x @w over hid` may read q4_0 q[64] hid[32] as @w, and `add` may not.
#ifndef LLUDA_IR_INFER_INFER_BLOCKS_H_
#define LLUDA_IR_INFER_INFER_BLOCKS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir {

// Each operand in blocks is one that the op reads.
absl::Status CheckBlockOperands(const Op& op);
// A result in blocks is one that the op writes, and lies in whole blocks.
absl::Status CheckBlockResult(const Op& op, const Type& result);

// The dtype of the values that elements of `dtype` stand for: f32 for blocks, else itself.
DType ValueDType(DType dtype);

absl::StatusOr<Type> InferDequantize(const Op& op);
absl::StatusOr<Type> InferQuantizeBlocks(const Op& op);

}  // namespace lluda::ir

#endif  // LLUDA_IR_INFER_INFER_BLOCKS_H_
