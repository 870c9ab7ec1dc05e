// What inference asks of operands and attributes, each an error that starts with the op's name.
//
// Example: RETURN_IF_ERROR(infer::WantFloat(op, 0)) of a matmul of integers returns
// "matmul: operand 0 must be of a float type, is i32 tok[T]".
#ifndef LLUDA_IR_INFER_CHECKS_H_
#define LLUDA_IR_INFER_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/graph.h"

namespace lluda::ir::infer {

using TypeOr = absl::StatusOr<Type>;

template <typename... Parts>
absl::Status Error(const Op& op, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(op.name(), ": ", parts...));
}

inline const Type& In(const Op& op, int i) { return op.operand(i).type(); }

absl::Status WantFloat(const Op& op, int i);
// i32 or i64.
absl::Status WantInt(const Op& op, int i);
absl::Status WantDType(const Op& op, int i, DType dtype);
// The op names `count` axes.
absl::Status WantAxes(const Op& op, size_t count);
// The named axis of operand i; valid as long as the operand's type is.
absl::StatusOr<const Axis*> WantAxis(const Op& op, int i, absl::string_view name);
// Operand i has exactly these axes.
absl::Status WantExactAxes(const Op& op, int i, const std::vector<Axis>& axes);
// a, an axis of operand ia, is as long as b, one of operand ib.
absl::Status SameExtent(const Op& op, const Axis& a, int ia, const Axis& b, int ib);
absl::StatusOr<int64_t> ConstantExtent(const Op& op, const Axis& axis);
// The elements of axes that must all be constant; an error also when they are too many to count.
absl::StatusOr<int64_t> ConstantElements(const Op& op, absl::Span<const Axis> axes);
// The steps of the op's epilogue may follow one another.
absl::Status CheckEpilogueOrder(const Op& op);

Type RowMajor(Type type);
// The type, unless it has two axes of one name.
TypeOr Checked(const Op& op, Type type);
// The attribute `out`, or what the result is without it.
inline DType OutOr(const Op& op, DType otherwise) { return op.attrs.out.value_or(otherwise); }

}  // namespace lluda::ir::infer

#endif  // LLUDA_IR_INFER_CHECKS_H_
