// The type of a matmul, with all that its epilogue does to the sums. A part of InferType.
//
// Example: of bf16 tok[T] hid[1024] and bf16 q[2048] hid[1024], `matmul over hid` is f32 tok[T]
// q[2048].
#ifndef LLUDA_IR_INFER_INFER_MATMUL_H_
#define LLUDA_IR_INFER_INFER_MATMUL_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir::infer {

absl::StatusOr<Type> InferMatmul(const Op& op);

}  // namespace lluda::ir::infer

#endif  // LLUDA_IR_INFER_INFER_MATMUL_H_
