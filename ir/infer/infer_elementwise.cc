#include "ir/infer/infer_elementwise.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/infer/checks.h"
#include "ir/infer/infer_blocks.h"
#include "ir/type/encoding.h"

namespace lluda::ir::infer {

// Elementwise on two operands; axes are matched by name, b's additional axes follow a's.
TypeOr InferBinary(const Op& op) {
  const Type& a = In(op, 0);
  const Type& b = In(op, 1);
  RETURN_IF_ERROR(WantFloat(op, 0));
  if (a.dtype != b.dtype) {
    return Error(op, "operands are ", DTypeName(a.dtype), " and ", DTypeName(b.dtype),
                 "; casts are never implicit");
  }
  Type result = RowMajor(a);
  for (const Axis& axis : b.axes) {
    const Axis* other = a.GetAxis(axis.name);
    if (other == nullptr) {
      result.axes.push_back(axis);
    } else
      RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, 1));
  }
  return result;
}

TypeOr InferUnary(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  return RowMajor(In(op, 0));
}

// By a constant.
TypeOr InferScale(const Op& op) {
  if (!op.attrs.by) return Error(op, "needs the attribute 'by'");
  return InferUnary(op);
}

TypeOr InferPower(const Op& op) {
  if (!op.attrs.base) return Error(op, "needs the attribute 'base'");
  return InferUnary(op);
}

TypeOr InferCast(const Op& op) {
  if (!op.attrs.out) return Error(op, "needs the attribute 'out'");
  return In(op, 0).With(*op.attrs.out);
}

TypeOr InferIota(const Op& op) {
  if (!op.attrs.step) return Error(op, "needs the attribute 'step'");
  if (!op.attrs.axes.empty() || op.attrs.result_axes.size() != 1) {
    return Error(op, "needs exactly one result axis");
  }
  return Type{DType::kF32, op.attrs.result_axes, {}};
}

TypeOr InferLiteral(const Op& op) {
  if (!op.attrs.axes.empty() || op.attrs.result_axes.size() != 1) {
    return Error(op, "needs exactly one result axis");
  }
  const Axis& axis = op.attrs.result_axes[0];
  const auto count = static_cast<int64_t>(op.attrs.values.size());
  if (!(axis.extent == Extent::Constant(count))) {
    return Error(op, "has ", count, " values for the axis ", ToString(axis));
  }
  return Type{DType::kF32, op.attrs.result_axes, {}};
}

TypeOr InferReduce(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  return In(op, 0).Without(op.attrs.axes[0]);
}

// The axes that operand i has are x's, and as long.
absl::Status WantAxesOf(const Op& op, int i, const Type& x) {
  for (const Axis& axis : In(op, i).axes) {
    const Axis* other = x.GetAxis(axis.name);
    if (other == nullptr) {
      return Error(op, "operand ", i, " has the axis '", axis.name, "', which ", ToString(x),
                   " lacks");
    }
    RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, i));
  }
  return absl::OkStatus();
}

TypeOr InferKeep(const Op& op) {
  for (int i = 0; i < 3; ++i) {
    RETURN_IF_ERROR(WantDType(op, i, DType::kF32));
  }
  RETURN_IF_ERROR(WantAxesOf(op, 1, In(op, 0)));
  RETURN_IF_ERROR(WantAxesOf(op, 2, In(op, 0)));
  return RowMajor(In(op, 0));
}

TypeOr InferL2Norm(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  if (op.operand_count() == 2) {
    if (!IsBlock(In(op, 1).dtype)) RETURN_IF_ERROR(WantFloat(op, 1));
    RETURN_IF_ERROR(WantExactAxes(op, 1, In(op, 0).axes));
  }
  return In(op, 0).Without(op.attrs.axes[0]).With(DType::kF32);
}

TypeOr InferNthLargest(const Op& op) {
  RETURN_IF_ERROR(WantDType(op, 0, DType::kF32));
  RETURN_IF_ERROR(WantDType(op, 1, DType::kI32));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  Type result = In(op, 0).Without(op.attrs.axes[0]);
  RETURN_IF_ERROR(WantAxesOf(op, 1, result));
  return result;
}

TypeOr InferQuantizeScale(const Op& op) {
  TypeOr reduced = InferReduce(op);
  if (!reduced.ok()) return reduced;
  return reduced->With(DType::kF32);
}

TypeOr InferQuantize(const Op& op) {
  const Type& scales = In(op, 1);
  RETURN_IF_ERROR(WantFloat(op, 0));
  if (scales.dtype != DType::kF32) {
    return Error(op, "operand 1 must be f32, is ", ToString(scales));
  }
  for (const Axis& axis : scales.axes) {
    ASSIGN_OR_RETURN(auto other, WantAxis(op, 0, axis.name));
    RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, 1));
  }
  return In(op, 0).With(DType::kI8);
}

TypeOr InferSoftmax(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  return In(op, 0).With(OutOr(op, In(op, 0).dtype));
}

TypeOr InferCausalMask(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantInt(op, 1));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  for (const Axis& axis : In(op, 1).axes) {
    ASSIGN_OR_RETURN(auto other, WantAxis(op, 0, axis.name));
    RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, 1));
  }
  return RowMajor(In(op, 0));
}

TypeOr InferGather(const Op& op) {
  RETURN_IF_ERROR(WantInt(op, 1));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  Type result{ValueDType(In(op, 0).dtype), In(op, 1).axes, {}};
  for (const Axis& axis : In(op, 0).axes) {
    if (axis.name != op.attrs.axes[0]) result.axes.push_back(axis);
  }
  return Checked(op, result);
}

TypeOr InferRmsnorm(const Op& op) {
  for (int i = 0; i < 2; ++i) {
    RETURN_IF_ERROR(WantFloat(op, i));
  }
  if (!op.attrs.eps) return Error(op, "needs the attribute 'eps'");
  RETURN_IF_ERROR(WantAxes(op, 1));
  ASSIGN_OR_RETURN(auto axis, WantAxis(op, 0, op.attrs.axes[0]));
  RETURN_IF_ERROR(WantExactAxes(op, 1, {*axis}));
  return In(op, 0).With(OutOr(op, In(op, 0).dtype));
}

TypeOr InferRmsnormAdd(const Op& op) {
  TypeOr normalised = InferRmsnorm(op);
  if (!normalised.ok()) return normalised;
  for (const int i : {0, 2}) {
    if (In(op, i).dtype != DType::kF32) return Error(op, "operand ", i, " must be f32");
  }
  RETURN_IF_ERROR(WantExactAxes(op, 2, normalised->axes));
  return normalised;
}

TypeOr InferLayernorm(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 2));
  TypeOr normalised = InferRmsnorm(op);
  if (!normalised.ok()) return normalised;
  RETURN_IF_ERROR(WantExactAxes(op, 2, In(op, 1).axes));
  return normalised;
}

}  // namespace lluda::ir::infer
