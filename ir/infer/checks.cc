#include "ir/infer/checks.h"

#include "base/status_macros.h"

namespace lluda::ir::infer {

Type RowMajor(Type type) {
  type.layout = {};
  return type;
}

absl::Status WantFloat(const Op& op, int i) {
  if (IsFloat(In(op, i).dtype)) return absl::OkStatus();
  return Error(op, "operand ", i, " must be of a float type, is ", ToString(In(op, i)));
}

absl::Status WantInt(const Op& op, int i) {
  const DType dtype = In(op, i).dtype;
  if (dtype == DType::kI32 || dtype == DType::kI64) return absl::OkStatus();
  return Error(op, "operand ", i, " must be i32 or i64, is ", ToString(In(op, i)));
}

absl::Status WantDType(const Op& op, int i, DType dtype) {
  if (In(op, i).dtype == dtype) return absl::OkStatus();
  return Error(op, "operand ", i, " must be ", DTypeName(dtype), ", is ", ToString(In(op, i)));
}

absl::Status WantAxes(const Op& op, size_t count) {
  if (op.attrs.axes.size() == count) return absl::OkStatus();
  return Error(op, "names ", op.attrs.axes.size(), " axes, needs ", count);
}

absl::StatusOr<const Axis*> WantAxis(const Op& op, int i, absl::string_view name) {
  const Axis* axis = In(op, i).GetAxis(name);
  if (axis == nullptr) {
    return Error(op, "operand ", i, " has no axis '", name, "': ", ToString(In(op, i)));
  }
  return axis;
}

absl::Status WantExactAxes(const Op& op, int i, const std::vector<Axis>& axes) {
  if (In(op, i).axes == axes) return absl::OkStatus();
  Type wanted{In(op, i).dtype, axes, {}};
  return Error(op, "operand ", i, " must be ", ToString(wanted), ", is ", ToString(In(op, i)));
}

absl::Status SameExtent(const Op& op, const Axis& a, int ia, const Axis& b, int ib) {
  if (a.extent == b.extent) return absl::OkStatus();
  return Error(op, "axis '", a.name, "' is ", ToString(a.extent), " long in operand ", ia, " and ",
               ToString(b.extent), " in operand ", ib);
}

absl::StatusOr<int64_t> ConstantExtent(const Op& op, const Axis& axis) {
  if (axis.extent.is_constant()) return axis.extent.value;
  return Error(op, "axis '", axis.name, "' must have a constant length, has ",
               ToString(axis.extent));
}

absl::StatusOr<int64_t> ConstantElements(const Op& op, absl::Span<const Axis> axes) {
  int64_t count = 1;
  for (const Axis& axis : axes) {
    ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, axis));
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) {
      return Error(op, "cannot count the elements up to axis ", ToString(axis));
    }
  }
  return count;
}

absl::Status CheckEpilogueOrder(const Op& op) {
  Epilogue before;
  for (const EpilogueStep step : op.attrs.epilogue) {
    if (!before.Takes(step)) {
      return Error(op, "epilogue ", Info(step).name, " cannot follow ", before.ToString());
    }
    before = before.With(step);
  }
  return absl::OkStatus();
}

TypeOr Checked(const Op& op, Type type) {
  for (size_t i = 0; i < type.axes.size(); ++i) {
    if (type.FindAxis(type.axes[i].name) == static_cast<int>(i)) continue;
    return Error(op, "result would have axis '", type.axes[i].name, "' twice: ", ToString(type));
  }
  return type;
}

}  // namespace lluda::ir::infer
