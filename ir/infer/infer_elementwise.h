// The types of ops that compute each element, or each row, for itself: arithmetic, casts, constants,
// reductions, norms, lookups. A part of InferType.
//
// Example: of bf16 tok[T] hid[8] and bf16 hid[8], `mul` is bf16 tok[T] hid[8]: axes meet by name.
#ifndef LLUDA_IR_INFER_INFER_ELEMENTWISE_H_
#define LLUDA_IR_INFER_INFER_ELEMENTWISE_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir::infer {

absl::StatusOr<Type> InferBinary(const Op& op);
absl::StatusOr<Type> InferUnary(const Op& op);
absl::StatusOr<Type> InferScale(const Op& op);
absl::StatusOr<Type> InferPower(const Op& op);
absl::StatusOr<Type> InferCast(const Op& op);
absl::StatusOr<Type> InferIota(const Op& op);
absl::StatusOr<Type> InferLiteral(const Op& op);
absl::StatusOr<Type> InferReduce(const Op& op);
absl::StatusOr<Type> InferQuantizeScale(const Op& op);
absl::StatusOr<Type> InferQuantize(const Op& op);
absl::StatusOr<Type> InferSoftmax(const Op& op);
absl::StatusOr<Type> InferCausalMask(const Op& op);
absl::StatusOr<Type> InferGather(const Op& op);
absl::StatusOr<Type> InferRmsnorm(const Op& op);
absl::StatusOr<Type> InferRmsnormAdd(const Op& op);
absl::StatusOr<Type> InferLayernorm(const Op& op);
absl::StatusOr<Type> InferKeep(const Op& op);
absl::StatusOr<Type> InferL2Norm(const Op& op);
absl::StatusOr<Type> InferNthLargest(const Op& op);

}  // namespace lluda::ir::infer

#endif  // LLUDA_IR_INFER_INFER_ELEMENTWISE_H_
