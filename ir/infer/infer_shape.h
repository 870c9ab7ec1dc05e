// The types of ops that move elements and compute none: views, joins, panels. A part of InferType.
//
// Example: of f32 tok[T] q[256], `split q -> head[4] dim[64]` is f32 tok[T] head[4] dim[64].
#ifndef LLUDA_IR_INFER_INFER_SHAPE_H_
#define LLUDA_IR_INFER_INFER_SHAPE_H_

#include "absl/status/statusor.h"
#include "ir/graph.h"

namespace lluda::ir::infer {

absl::StatusOr<Type> InferSplit(const Op& op);
absl::StatusOr<Type> InferMerge(const Op& op);
absl::StatusOr<Type> InferSlice(const Op& op);
absl::StatusOr<Type> InferJoin(const Op& op);
absl::StatusOr<Type> InferPack(const Op& op);
absl::StatusOr<Type> InferPad(const Op& op);
absl::StatusOr<Type> InferPermute(const Op& op);
absl::StatusOr<Type> InferWindow(const Op& op);

}  // namespace lluda::ir::infer

#endif  // LLUDA_IR_INFER_INFER_SHAPE_H_
