// The types of ops on heads of queries, keys and values, and of what a cache keeps of them. A part
// of InferType.
//
// Example: `attention` is as its queries are, f32 tok[T] kv[2] rep[3] dim[64] say, in its `out`.
#ifndef LLUDA_IR_INFER_INFER_HEADS_H_
#define LLUDA_IR_INFER_INFER_HEADS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace lluda::ir::infer {

// The tables at operands `cos` and `cos + 1` rotate pairs along `x`'s axis `name`.
absl::Status CheckRotation(const Op& op, const Type& x, const std::string& name, int cos);

// `ring` is the constant extent of the state's axis of positions, and the state operand `state`.
absl::Status CheckRing(const Op& op, int state, absl::string_view positions);

// The type of operand `state` after `x`, called `what` in errors, is appended to it, at the slots
// and positions that are the last two operands, along its axes `names`.
absl::StatusOr<Type> Appended(const Op& op, int state, const Type& x, absl::string_view what,
                              absl::Span<const std::string> names);

absl::StatusOr<Type> InferAppend(const Op& op);
absl::StatusOr<Type> InferAttention(const Op& op);
absl::StatusOr<Type> InferRope(const Op& op);

}  // namespace lluda::ir::infer

#endif  // LLUDA_IR_INFER_INFER_HEADS_H_
