// The single source of result types: the verifier, the builder, the parser and the passes all ask
// here.
//
// Example: for `matmul %h @wq over hid` with bf16 tok[T] hid[1024] and bf16 q[2048] hid[1024],
// InferType returns f32 tok[T] q[2048].
#ifndef LLUDA_IR_INFER_INFER_H_
#define LLUDA_IR_INFER_INFER_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir {

// The type of the op's result, from its operands and attributes. Terminators have none: asking for
// theirs is an error, as is asking for that of a load-block loop. Errors are InvalidArgument and
// start with the op's name: "matmul: axis 'hid' is 1024 long in operand 0 and 2048 in operand 1".
absl::StatusOr<Type> InferType(const Op& op);

}  // namespace lluda::ir

#endif  // LLUDA_IR_INFER_INFER_H_
