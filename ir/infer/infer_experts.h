// The types of the ops that mixtures of experts are made of: which experts a token's router picks,
// and what these compute. A part of InferType.
//
// Example: of f32 tok[T] expert[128], `top_k over expert -> top[8]` is i32 tok[T] top[8].
#ifndef LLUDA_IR_INFER_INFER_EXPERTS_H_
#define LLUDA_IR_INFER_INFER_EXPERTS_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir {

absl::StatusOr<Type> InferCombine(const Op& op);
absl::StatusOr<Type> InferExpertMatmul(const Op& op);
absl::StatusOr<Type> InferOrder(const Op& op);
absl::StatusOr<Type> InferPick(const Op& op);
absl::StatusOr<Type> InferTopK(const Op& op);

}  // namespace lluda::ir

#endif  // LLUDA_IR_INFER_INFER_EXPERTS_H_
