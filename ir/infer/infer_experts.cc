#include "ir/infer/infer_experts.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/op/contraction.h"

namespace lluda::ir {
namespace {

using TypeOr = absl::StatusOr<Type>;

template <typename... Parts>
absl::Status Error(const Op& op, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(op.name(), ": ", parts...));
}

const Type& In(const Op& op, int i) { return op.operand(i).type(); }

absl::Status WantDType(const Op& op, int i, DType dtype) {
  if (In(op, i).dtype == dtype) return absl::OkStatus();
  return Error(op, "operand ", i, " must be ", DTypeName(dtype), ", is ", ToString(In(op, i)));
}

absl::Status WantIndices(const Op& op, int i) {
  if (In(op, i).dtype == DType::kI32 || In(op, i).dtype == DType::kI64) return absl::OkStatus();
  return Error(op, "operand ", i, " must be i32 or i64, is ", ToString(In(op, i)));
}

absl::Status WantAxes(const Op& op, size_t count) {
  if (op.attrs.axes.size() == count) return absl::OkStatus();
  return Error(op, "names ", op.attrs.axes.size(), " axes, needs ", count);
}

absl::StatusOr<Axis> WantAxis(const Op& op, int i, absl::string_view name) {
  if (const Axis* axis = In(op, i).GetAxis(name); axis != nullptr) return *axis;
  return Error(op, "operand ", i, " has no axis '", name, "': ", ToString(In(op, i)));
}

// Each axis of operand `i` but the one called `without` is one of operand `of`, and as long.
absl::Status WantSubset(const Op& op, int i, absl::string_view without, int of) {
  for (const Axis& axis : In(op, i).axes) {
    if (axis.name == without) continue;
    ASSIGN_OR_RETURN(const Axis other, WantAxis(op, of, axis.name));
    if (axis.extent == other.extent) continue;
    return Error(op, "axis '", axis.name, "' is ", ToString(axis.extent), " long in operand ", i,
                 " and ", ToString(other.extent), " in operand ", of);
  }
  return absl::OkStatus();
}

absl::Status WantType(const Op& op, int i, const Type& wanted) {
  if (In(op, i) == wanted) return absl::OkStatus();
  return Error(op, "operand ", i, " must be ", ToString(wanted), ", is ", ToString(In(op, i)));
}

absl::Status UniqueAxes(const Op& op, const Type& type) {
  for (size_t i = 0; i < type.axes.size(); ++i) {
    if (type.FindAxis(type.axes[i].name) == static_cast<int>(i)) continue;
    return Error(op, "result would have axis '", type.axes[i].name, "' twice: ", ToString(type));
  }
  return absl::OkStatus();
}

// An epilogue folds the halves of the columns, or is none: its steps have no operands.
absl::Status CheckEpilogue(const Op& op) {
  Epilogue before;
  for (const EpilogueStep step : op.attrs.epilogue) {
    if (Info(step).operands > 0) {
      return Error(op, "has no place for the operands of the epilogue ", Info(step).name);
    }
    if (!before.Takes(step)) {
      return Error(op, "epilogue ", Info(step).name, " cannot follow ", before.ToString());
    }
    before = before.With(step);
  }
  return absl::OkStatus();
}

// The column axis after the epilogue.
absl::StatusOr<Axis> FinishedColumns(const Op& op, const Axis& columns) {
  const std::vector<Axis>& to = op.attrs.result_axes;
  if (op.attrs.epilogue.empty()) {
    if (to.empty()) return columns;
    return Error(op, "with no epilogue names no result axis");
  }
  const std::string name = op.attrs.epilogue.ToString();
  if (to.size() != 1) return Error(op, "epilogue ", name, " needs one result axis");
  if (columns.extent == Extent::Constant(2 * to[0].extent.value)) return to[0];
  return Error(op, "epilogue ", name, " halves ", ToString(columns.extent),
               " columns, the result axis has ", ToString(to[0].extent));
}

}  // namespace

TypeOr InferTopK(const Op& op) {
  if (!IsFloat(In(op, 0).dtype)) {
    return Error(op, "operand 0 must be of a float type, is ", ToString(In(op, 0)));
  }
  RETURN_IF_ERROR(WantAxes(op, 1));
  ASSIGN_OR_RETURN(const Axis axis, WantAxis(op, 0, op.attrs.axes[0]));
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  const Axis& top = op.attrs.result_axes[0];
  const bool fits = axis.extent.is_constant() && top.extent.is_constant() &&
                    top.extent.value <= axis.extent.value;
  if (!fits) return Error(op, "cannot choose ", ToString(top), " of ", ToString(axis));
  Type result = In(op, 0).With(DType::kI32);
  result.axes[result.FindAxis(axis.name)] = top;
  RETURN_IF_ERROR(UniqueAxes(op, result));
  return result;
}

TypeOr InferPick(const Op& op) {
  RETURN_IF_ERROR(WantIndices(op, 1));
  RETURN_IF_ERROR(WantAxes(op, 1));
  const std::string& over = op.attrs.axes[0];
  RETURN_IF_ERROR(WantAxis(op, 0, over).status());
  if (In(op, 1).HasAxis(over)) return Error(op, "operand 1 has the axis '", over, "', too");
  RETURN_IF_ERROR(WantSubset(op, 0, over, 1));
  return In(op, 1).With(In(op, 0).dtype);
}

TypeOr InferOrder(const Op& op) {
  RETURN_IF_ERROR(WantIndices(op, 0));
  if (In(op, 0).axes.empty()) return Error(op, "needs an axis");
  return In(op, 0).With(DType::kI32);
}

TypeOr InferExpertMatmul(const Op& op) {
  const std::optional<DType> accumulator = AccumulatorOf(In(op, 0).dtype, In(op, 1).dtype);
  if (!accumulator || !IsFloat(*accumulator)) {
    return Error(op, "multiplies floats, operands are ", DTypeName(In(op, 0).dtype), " and ",
                 DTypeName(In(op, 1).dtype));
  }
  RETURN_IF_ERROR(WantAxes(op, 2));
  const std::string& over = op.attrs.axes[0];
  const std::string& expert = op.attrs.axes[1];
  RETURN_IF_ERROR(CheckEpilogue(op));
  ASSIGN_OR_RETURN(const Axis a, WantAxis(op, 0, over));
  ASSIGN_OR_RETURN(const Axis b, WantAxis(op, 1, over));
  if (!(a.extent == b.extent)) {
    return Error(op, "axis '", over, "' is ", ToString(a.extent), " long in operand 0 and ",
                 ToString(b.extent), " in operand 1");
  }
  RETURN_IF_ERROR(WantAxis(op, 1, expert).status());
  RETURN_IF_ERROR(WantIndices(op, 2));
  RETURN_IF_ERROR(WantType(op, 3, In(op, 2).With(DType::kI32)));
  RETURN_IF_ERROR(WantSubset(op, 0, over, 2));
  std::optional<Axis> columns;
  for (const Axis& axis : In(op, 1).axes) {
    if (axis.name == over || axis.name == expert) continue;
    if (columns || In(op, 2).HasAxis(axis.name)) {
      return Error(op, "operand 1 must have one axis of columns, is ", ToString(In(op, 1)));
    }
    columns = axis;
  }
  if (!columns) {
    return Error(op, "operand 1 must have one axis of columns, is ", ToString(In(op, 1)));
  }
  ASSIGN_OR_RETURN(Axis last, FinishedColumns(op, *columns));
  Type result = In(op, 2).With(op.attrs.out.value_or(*accumulator));
  result.axes.push_back(std::move(last));
  RETURN_IF_ERROR(UniqueAxes(op, result));
  return result;
}

TypeOr InferCombine(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  const std::string& over = op.attrs.axes[0];
  for (int i = 0; i < op.operand_count(); ++i) {
    RETURN_IF_ERROR(WantDType(op, i, DType::kF32));
  }
  RETURN_IF_ERROR(WantAxis(op, 0, over).status());
  RETURN_IF_ERROR(WantAxis(op, 1, over).status());
  RETURN_IF_ERROR(WantSubset(op, 1, "", 0));
  Type result = In(op, 0).Without(over);
  if (op.operand_count() == 3) {
    RETURN_IF_ERROR(WantType(op, 2, result));
  }
  return result;
}

}  // namespace lluda::ir
