#include "ir/infer/infer_experts.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "ir/infer/checks.h"
#include "ir/op/contraction.h"

namespace lluda::ir {
namespace {

using infer::Checked;
using infer::Error;
using infer::In;
using infer::TypeOr;
using infer::WantAxes;
using infer::WantAxis;
using infer::WantDType;
using infer::WantFloat;
using infer::WantInt;

// Each axis of operand `i` but the one called `without` is one of operand `of`, and as long.
absl::Status WantSubset(const Op& op, int i, absl::string_view without, int of) {
  for (const Axis& axis : In(op, i).axes) {
    if (axis.name == without) continue;
    ASSIGN_OR_RETURN(const Axis* other, WantAxis(op, of, axis.name));
    RETURN_IF_ERROR(infer::SameExtent(op, axis, i, *other, of));
  }
  return absl::OkStatus();
}

absl::Status WantType(const Op& op, int i, const Type& wanted) {
  if (In(op, i) == wanted) return absl::OkStatus();
  return Error(op, "operand ", i, " must be ", ToString(wanted), ", is ", ToString(In(op, i)));
}

// An epilogue folds the halves of the columns, or is none: its steps have no operands.
absl::Status CheckEpilogue(const Op& op) {
  for (const EpilogueStep step : op.attrs.epilogue) {
    if (Info(step).operands > 0) {
      return Error(op, "has no place for the operands of the epilogue ", Info(step).name);
    }
  }
  return infer::CheckEpilogueOrder(op);
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
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, op.attrs.axes[0]));
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  const Axis& top = op.attrs.result_axes[0];
  const bool fits = axis->extent.is_constant() && top.extent.is_constant() &&
                    top.extent.value <= axis->extent.value;
  if (!fits) return Error(op, "cannot choose ", ToString(top), " of ", ToString(*axis));
  Type result = In(op, 0).With(DType::kI32);
  result.axes[result.FindAxis(axis->name)] = top;
  return Checked(op, std::move(result));
}

TypeOr InferPick(const Op& op) {
  RETURN_IF_ERROR(WantInt(op, 1));
  RETURN_IF_ERROR(WantAxes(op, 1));
  const std::string& over = op.attrs.axes[0];
  RETURN_IF_ERROR(WantAxis(op, 0, over).status());
  if (In(op, 1).HasAxis(over)) return Error(op, "operand 1 has the axis '", over, "', too");
  RETURN_IF_ERROR(WantSubset(op, 0, over, 1));
  return In(op, 1).With(In(op, 0).dtype);
}

TypeOr InferOrder(const Op& op) {
  RETURN_IF_ERROR(WantInt(op, 0));
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
  ASSIGN_OR_RETURN(const Axis* a, WantAxis(op, 0, over));
  ASSIGN_OR_RETURN(const Axis* b, WantAxis(op, 1, over));
  RETURN_IF_ERROR(infer::SameExtent(op, *a, 0, *b, 1));
  RETURN_IF_ERROR(WantAxis(op, 1, expert).status());
  RETURN_IF_ERROR(WantInt(op, 2));
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
  return Checked(op, std::move(result));
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
