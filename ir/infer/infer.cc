#include "ir/infer/infer.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "ir/infer/infer_blocks.h"
#include "ir/infer/infer_experts.h"
#include "ir/op/contraction.h"

namespace lluda::ir {
namespace {

using TypeOr = absl::StatusOr<Type>;

template <typename... Parts>
absl::Status Error(const Op& op, const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(op.name(), ": ", parts...));
}

const Type& In(const Op& op, int i) { return op.operand(i).type(); }

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

absl::Status WantAxes(const Op& op, size_t count) {
  if (op.attrs.axes.size() == count) return absl::OkStatus();
  return Error(op, "names ", op.attrs.axes.size(), " axes, needs ", count);
}

// The named axis of operand i.
absl::StatusOr<const Axis*> WantAxis(const Op& op, int i, absl::string_view name) {
  const Axis* axis = In(op, i).GetAxis(name);
  if (axis == nullptr) {
    return Error(op, "operand ", i, " has no axis '", name, "': ", ToString(In(op, i)));
  }
  return axis;
}

// Operand i has exactly these axes.
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

// The elements of axes that must all be constant; an error also when they are too many to count.
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

absl::Status UniqueAxes(const Op& op, const Type& type) {
  for (size_t i = 0; i < type.axes.size(); ++i) {
    for (size_t j = i + 1; j < type.axes.size(); ++j) {
      if (type.axes[i].name == type.axes[j].name) {
        return Error(op, "result would have axis '", type.axes[i].name,
                     "' twice: ", ToString(type));
      }
    }
  }
  return absl::OkStatus();
}

TypeOr Checked(const Op& op, Type type) {
  RETURN_IF_ERROR(UniqueAxes(op, type));
  return type;
}

DType OutOr(const Op& op, DType otherwise) { return op.attrs.out.value_or(otherwise); }

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

TypeOr InferLayernorm(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 2));
  TypeOr normalised = InferRmsnorm(op);
  if (!normalised.ok()) return normalised;
  RETURN_IF_ERROR(WantExactAxes(op, 2, In(op, 1).axes));
  return normalised;
}

// The tables at operands `cos` and `cos + 1` rotate pairs along `x`'s axis `name`.
absl::Status CheckRotation(const Op& op, const Type& x, const std::string& name, int cos) {
  if (op.attrs.style == RopeStyle::kNone) return Error(op, "needs the attribute 'style'");
  for (int i = cos; i < cos + 2; ++i) {
    RETURN_IF_ERROR(WantFloat(op, i));
  }
  ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *x.GetAxis(name)));
  RETURN_IF_ERROR(WantExactAxes(op, cos + 1, In(op, cos).axes));
  int own_axes = 0;  // the tables' axis of rotation pairs, which x does not have
  for (const Axis& axis : In(op, cos).axes) {
    const Axis* shared = x.GetAxis(axis.name);
    if (shared != nullptr) {
      RETURN_IF_ERROR(SameExtent(op, *shared, 0, axis, cos));
    } else if (++own_axes > 1 || !axis.extent.is_constant() || axis.extent.value > extent / 2) {
      return Error(op, "operand ", cos, " must have one axis of at most ", extent / 2,
                   " pairs, is ", ToString(In(op, cos)));
    }
  }
  if (own_axes == 1) return absl::OkStatus();
  return Error(op, "operand ", cos, " must have an axis of pairs, is ", ToString(In(op, cos)));
}

// The type of operand `state` after `x`, called `what` in errors, is appended to it, at the slots
// and positions that are the last two operands, along its axes `names`.
TypeOr Appended(const Op& op, int state, const Type& x, absl::string_view what,
                absl::Span<const std::string> names) {
  const Type& type = In(op, state);
  if (op.operand(state).global == nullptr ||
      op.operand(state).global->kind != Global::Kind::kState) {
    return Error(op, "operand ", state, " must be a state");
  }
  const int slots = op.operand_count() - 2;
  for (int i = 0; i < 2; ++i) {
    RETURN_IF_ERROR(WantInt(op, slots + i));
    RETURN_IF_ERROR(WantExactAxes(op, slots + i, In(op, slots).axes));
    RETURN_IF_ERROR(WantAxis(op, state, names[i]));
  }
  Type expected{type.dtype, In(op, slots).axes, {}};
  for (const Axis& axis : type.axes) {
    if (axis.name != names[0] && axis.name != names[1]) expected.axes.push_back(axis);
  }
  if (x.dtype == expected.dtype && x.axes == expected.axes) return type;
  return Error(op, what, " must be ", ToString(expected), ", is ", ToString(x));
}

// The attributes and operands that go with the epilogue, and no others.
absl::Status CheckEpilogue(const Op& op) {
  const Epilogue& epilogue = op.attrs.epilogue;
  Epilogue before;
  for (const EpilogueStep step : epilogue) {
    if (!before.Takes(step)) {
      return Error(op, "epilogue ", Info(step).name, " cannot follow ", before.ToString());
    }
    before = before.With(step);
  }
  const std::string name =
      epilogue.empty() ? "no epilogue" : absl::StrCat("epilogue ", epilogue.ToString());
  if (op.operand_count() != epilogue.OperandCount()) {
    return Error(op, "with ", name, " takes ", epilogue.OperandCount(), " operands, has ",
                 op.operand_count());
  }
  for (const AttrKey key : {AttrKey::kEps, AttrKey::kStyle}) {
    const bool needed = (epilogue.keys() & KeyBit(key)) != 0;
    if (needed && !op.attrs.IsSet(key)) {
      return Error(op, "needs the attribute '", AttrKeyName(key), "'");
    }
    if (!needed && op.attrs.IsSet(key)) {
      return Error(op, "with ", name, " takes no attribute '", AttrKeyName(key), "'");
    }
  }
  if (epilogue.grain() == Grain::kColumns && !op.attrs.result_axes.empty()) {
    return Error(op, "with ", name, " names no result axis");
  }
  return absl::OkStatus();
}

// What a step of a matmul's epilogue is about.
struct StepArgs {
  const Op& op;
  const StepInfo& step;
  int operand;                       // the step's first one
  const std::vector<Axis>& columns;  // of b
  Type value;                        // what the steps before it made
};

TypeOr InferAddStep(const StepArgs& args) {
  const auto& [op, step, i, columns, value] = args;
  RETURN_IF_ERROR(WantExactAxes(op, i, value.axes));
  if (In(op, i).dtype != DType::kF32) return Error(op, "operand ", i, " must be f32");
  return value;
}

TypeOr InferBiasStep(const StepArgs& args) {
  const auto& [op, step, i, columns, value] = args;
  if (columns.empty()) return Error(op, "epilogue ", step.name, " needs a column axis");
  RETURN_IF_ERROR(WantExactAxes(op, i, columns));
  return value;
}

TypeOr InferFunctionStep(const StepArgs& args) { return args.value; }

TypeOr InferHalvesStep(const StepArgs& args) {
  const auto& [op, step, i, columns, value] = args;
  const std::vector<Axis>& to = op.attrs.result_axes;
  if (columns.size() != 1 || to.size() != 1) {
    return Error(op, "epilogue ", step.name, " needs one column axis and one result axis");
  }
  ASSIGN_OR_RETURN(auto n, ConstantExtent(op, columns[0]));
  ASSIGN_OR_RETURN(auto half, ConstantExtent(op, to[0]));
  if (n % 2 != 0 || n / 2 != half) {
    return Error(op, "epilogue ", step.name, " halves ", n, " columns, the result axis has ", half);
  }
  Type result = value;
  result.axes.back() = to[0];
  return result;
}

TypeOr InferNormStep(const StepArgs& args) {
  const auto& [op, step, i, columns, heads] = args;
  RETURN_IF_ERROR(WantExactAxes(op, i, {heads.axes.back()}));
  return heads;
}

TypeOr InferRopeStep(const StepArgs& args) {
  const auto& [op, step, i, columns, heads] = args;
  RETURN_IF_ERROR(CheckRotation(op, heads, heads.axes.back().name, i));
  return heads;
}

TypeOr InferAppendStep(const StepArgs& args) {
  const auto& [op, step, i, columns, heads] = args;
  return Appended(op, i, heads, "what is appended", absl::MakeConstSpan(op.attrs.axes).last(2));
}

using InferStep = TypeOr (*)(const StepArgs&);
constexpr InferStep kInferSteps[] = {
#define LLUDA_EPILOGUE_STEP(Enum, text, op, value, operands, grain, after, keys, Infer, Run) Infer,
#include "ir/op/epilogue.def"
#undef LLUDA_EPILOGUE_STEP
};

// The axes that the result has in the place of b's columns before any step.
absl::StatusOr<std::vector<Axis>> ColumnsOrHeads(const Op& op, const std::vector<Axis>& columns) {
  const Epilogue& epilogue = op.attrs.epilogue;
  if (!epilogue.per_head()) return columns;
  if (columns.size() != 1 || op.attrs.result_axes.empty()) {
    return Error(op, "epilogue ", epilogue.ToString(), " needs one column axis and result axes");
  }
  ASSIGN_OR_RETURN(auto count, ConstantElements(op, columns));
  ASSIGN_OR_RETURN(auto named, ConstantElements(op, op.attrs.result_axes));
  if (count != named) return Error(op, count, " columns cannot become ", named);
  return op.attrs.result_axes;
}

// The result of a matmul whose rows have the type `rows` before they have columns.
TypeOr InferEpilogue(const Op& op, const Type& rows, const std::vector<Axis>& columns) {
  ASSIGN_OR_RETURN(const auto last, ColumnsOrHeads(op, columns));
  Type sums = rows;
  sums.axes.insert(sums.axes.end(), last.begin(), last.end());
  TypeOr value = Checked(op, std::move(sums));
  for (const EpilogueStep step : op.attrs.epilogue) {
    if (!value.ok()) return value;
    const int operand = op.attrs.epilogue.OperandOf(step);
    value =
        kInferSteps[static_cast<int>(step)]({op, Info(step), operand, columns, *std::move(value)});
  }
  if (!value.ok()) return value;
  return Checked(op, *std::move(value));
}

// The axes that are summed over, as a has them.
absl::StatusOr<std::vector<Axis>> CheckContraction(const Op& op) {
  const absl::Span<const std::string> over = ContractedAxes(op.attrs);
  if (over.empty()) return WantAxes(op, Appends(op) ? 3 : 1);
  std::vector<Axis> axes;
  for (const std::string& name : over) {
    ASSIGN_OR_RETURN(auto a, WantAxis(op, 0, name));
    ASSIGN_OR_RETURN(auto b, WantAxis(op, 1, name));
    RETURN_IF_ERROR(SameExtent(op, *a, 0, *b, 1));
    axes.push_back(*a);
  }
  return axes;
}

// Sums of integers are exact: they are not rounded, nothing is done to them, and they fit.
absl::Status CheckIntegerSums(const Op& op, absl::Span<const Axis> contracted) {
  const Epilogue& epilogue = op.attrs.epilogue;
  if (!epilogue.empty()) {
    return Error(op, "epilogue ", epilogue.ToString(), " takes sums of floats, operands are i8");
  }
  if (op.attrs.out) return Error(op, "sums of i8 are i32, which takes no attribute 'out'");
  ASSIGN_OR_RETURN(auto count, ConstantElements(op, contracted));
  if (count <= kMostIntegerProducts) return absl::OkStatus();
  return Error(op, "sums of ", count, " products of i8 need not fit i32; at most ",
               kMostIntegerProducts, " do");
}

// a's axes without the contracted ones, then b's new ones; axes that both have are batch axes.
TypeOr InferMatmul(const Op& op) {
  RETURN_IF_ERROR(CheckEpilogue(op));
  const std::optional<DType> accumulator = AccumulatorOf(In(op, 0).dtype, In(op, 1).dtype);
  if (!accumulator) {
    return Error(op, "multiplies floats, or i8 by i8; operands are ", DTypeName(In(op, 0).dtype),
                 " and ", DTypeName(In(op, 1).dtype));
  }
  const int floats = Appends(op) ? AppendedOperand(op) : op.operand_count();
  for (int i = 2; i < floats; ++i) {
    RETURN_IF_ERROR(WantFloat(op, i));
  }
  ASSIGN_OR_RETURN(const auto contracted, CheckContraction(op));
  if (!IsFloat(*accumulator)) {
    RETURN_IF_ERROR(CheckIntegerSums(op, contracted));
  }
  const absl::Span<const std::string> over = ContractedAxes(op.attrs);
  const Type rows = WithoutAxes(In(op, 0), over).With(OutOr(op, *accumulator));
  std::vector<Axis> columns;
  for (const Axis& axis : In(op, 1).axes) {
    if (std::find(over.begin(), over.end(), axis.name) != over.end()) continue;
    const Axis* batch = In(op, 0).GetAxis(axis.name);
    if (batch == nullptr) {
      columns.push_back(axis);
    } else
      RETURN_IF_ERROR(SameExtent(op, *batch, 0, axis, 1));
  }
  return InferEpilogue(op, rows, columns);
}

// Replaces the axes named in attrs.axes (adjacent, in order) of operand i by attrs.result_axes.
TypeOr Regroup(const Op& op, const std::vector<std::string>& from, const std::vector<Axis>& to) {
  const Type& in = In(op, 0);
  RETURN_IF_ERROR(WantAxis(op, 0, from[0]));
  const size_t at = in.FindAxis(from[0]);
  for (size_t i = 0; i < from.size(); ++i) {
    if (at + i >= in.axes.size() || in.axes[at + i].name != from[i]) {
      return Error(op, "axis '", from[i], "' does not follow in ", ToString(in));
    }
  }
  ASSIGN_OR_RETURN(auto before,
                   ConstantElements(op, absl::MakeConstSpan(in.axes).subspan(at, from.size())));
  ASSIGN_OR_RETURN(auto after, ConstantElements(op, to));
  if (before != after) return Error(op, before, " elements cannot become ", after);
  Type result{in.dtype, in.axes, {}};
  result.axes.erase(result.axes.begin() + at, result.axes.begin() + at + from.size());
  result.axes.insert(result.axes.begin() + at, to.begin(), to.end());
  return Checked(op, result);
}

// Into one axis it gives the axis another name, whatever its extent.
TypeOr InferSplit(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  if (op.attrs.result_axes.empty()) return Error(op, "needs a result axis");
  if (op.attrs.result_axes.size() > 1) return Regroup(op, op.attrs.axes, op.attrs.result_axes);
  ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, op.attrs.axes[0]));
  const Axis& renamed = op.attrs.result_axes[0];
  if (!(axis->extent == renamed.extent)) {
    return Error(op, ToString(*axis), " cannot become ", ToString(renamed));
  }
  Type result = RowMajor(In(op, 0));
  result.axes[result.FindAxis(axis->name)].name = renamed.name;
  return Checked(op, result);
}

TypeOr InferPad(const Op& op) {
  if (op.attrs.axes.empty()) return Error(op, "names no axis");
  if (!op.attrs.before && !op.attrs.after) {
    return Error(op, "needs the attribute 'before' or 'after'");
  }
  Type result = RowMajor(In(op, 0));
  for (size_t i = 0; i < op.attrs.axes.size(); ++i) {
    const std::string& name = op.attrs.axes[i];
    ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, name));
    ASSIGN_OR_RETURN(int64_t extent, ConstantExtent(op, *axis));
    const auto earlier = op.attrs.axes.begin() + static_cast<int64_t>(i);
    if (std::find(op.attrs.axes.begin(), earlier, name) != earlier) {
      return Error(op, "names axis '", name, "' twice");
    }
    for (const std::optional<int64_t>& zeros : {op.attrs.before, op.attrs.after}) {
      if (__builtin_add_overflow(extent, zeros.value_or(0), &extent)) {
        return Error(op, "cannot count the elements of axis '", name, "'");
      }
    }
    result.axes[result.FindAxis(name)].extent = Extent::Constant(extent);
  }
  return result;
}

TypeOr InferWindow(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  if (!op.attrs.stride) return Error(op, "needs the attribute 'stride'");
  const std::vector<Axis>& to = op.attrs.result_axes;
  if (to.size() != 2) return Error(op, "needs two result axes: of the windows, and of one of them");
  ASSIGN_OR_RETURN(const Axis* axis, WantAxis(op, 0, op.attrs.axes[0]));
  ASSIGN_OR_RETURN(const int64_t extent, ConstantExtent(op, *axis));
  ASSIGN_OR_RETURN(const int64_t count, ConstantExtent(op, to[0]));
  ASSIGN_OR_RETURN(const int64_t size, ConstantExtent(op, to[1]));
  int64_t end = 0;
  const bool fits = count >= 1 && size >= 1 &&
                    !__builtin_mul_overflow(count - 1, *op.attrs.stride, &end) &&
                    !__builtin_add_overflow(end, size, &end) && end <= extent;
  if (!fits) {
    return Error(op, count, " windows of ", size, " with a stride of ", *op.attrs.stride,
                 " do not lie in ", ToString(*axis));
  }
  Type result = RowMajor(In(op, 0));
  const auto at = result.axes.begin() + result.FindAxis(axis->name);
  result.axes.insert(result.axes.erase(at), to.begin(), to.end());
  return Checked(op, result);
}

TypeOr InferMerge(const Op& op) {
  if (op.attrs.axes.size() < 2) return Error(op, "names fewer than two axes");
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  return Regroup(op, op.attrs.axes, op.attrs.result_axes);
}

TypeOr InferSlice(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 1));
  ASSIGN_OR_RETURN(auto axis, WantAxis(op, 0, op.attrs.axes[0]));
  ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *axis));
  if (op.attrs.begin < 0 || op.attrs.begin >= op.attrs.end || op.attrs.end > extent) {
    return Error(op, "range ", op.attrs.begin, "..", op.attrs.end, " is not within 0..", extent);
  }
  if (op.attrs.result_axes.empty()) return Error(op, "needs result axes");
  ASSIGN_OR_RETURN(auto count, ConstantElements(op, op.attrs.result_axes));
  if (count != op.attrs.end - op.attrs.begin) {
    return Error(op, "range of ", op.attrs.end - op.attrs.begin, " elements cannot become ", count);
  }
  Type result = RowMajor(In(op, 0));
  const auto at = result.axes.begin() + result.FindAxis(op.attrs.axes[0]);
  const auto next = result.axes.erase(at);
  result.axes.insert(next, op.attrs.result_axes.begin(), op.attrs.result_axes.end());
  return Checked(op, result);
}

// Operand i is joined along its axis attrs.axes[i] (one name serves all operands); the joined axis
// takes the place of the first operand's.
TypeOr InferJoin(const Op& op) {
  const auto& names = op.attrs.axes;
  if (names.size() != 1 && names.size() != static_cast<size_t>(op.operand_count())) {
    return Error(op, "names ", names.size(), " axes for ", op.operand_count(), " operands");
  }
  if (op.attrs.result_axes.size() != 1) return Error(op, "needs exactly one result axis");
  const auto name_of = [&](int i) -> const std::string& {
    return names[names.size() == 1 ? 0 : i];
  };
  Type result = RowMajor(In(op, 0));
  int64_t total = 0;
  for (int i = 0; i < op.operand_count(); ++i) {
    ASSIGN_OR_RETURN(auto axis, WantAxis(op, i, name_of(i)));
    ASSIGN_OR_RETURN(auto extent, ConstantExtent(op, *axis));
    if (__builtin_add_overflow(total, extent, &total)) return Error(op, "joins too many elements");
    if (In(op, i).dtype != result.dtype) return Error(op, "operand ", i, " has another dtype");
    std::vector<Axis> expected = In(op, 0).axes;
    expected[In(op, 0).FindAxis(name_of(0))] = *axis;
    RETURN_IF_ERROR(WantExactAxes(op, i, expected));
  }
  const Axis& joined = op.attrs.result_axes[0];
  if (!(joined.extent == Extent::Constant(total))) {
    return Error(op, "joins ", total, " elements into ", ToString(joined));
  }
  result.axes[result.FindAxis(name_of(0))] = joined;
  return Checked(op, result);
}

// Like InferJoin (attrs.axes without its last name), then panels over that last name.
TypeOr InferPack(const Op& op) {
  if (!op.attrs.tile) return Error(op, "needs the attribute 'tile'");
  if (op.attrs.axes.empty()) return Error(op, "needs `over`");
  const std::string& over = op.attrs.axes.back();
  Type result = RowMajor(In(op, 0));
  if (op.attrs.axes.size() > 1) {
    Op join(Opcode::kConcat, nullptr);
    join.attrs.axes.assign(op.attrs.axes.begin(), op.attrs.axes.end() - 1);
    join.attrs.result_axes = op.attrs.result_axes;
    join.SetOperands(op.operands());
    TypeOr joined = InferJoin(join);
    if (!joined.ok()) return joined.status();
    result = *std::move(joined);
  } else if (op.operand_count() != 1 || !op.attrs.result_axes.empty()) {
    return Error(op, "several operands need the axes they are joined along");
  }
  if (!result.HasAxis(over)) {
    return Error(op, "no axis '", over, "' to pack over: ", ToString(result));
  }
  if (result.axes.size() < 2) return Error(op, "needs at least two axes: ", ToString(result));
  result.layout = Layout::Panel(op.attrs.tile->rows, op.attrs.tile->depth, over);
  return result;
}

TypeOr InferPermute(const Op& op) {
  const Type& in = In(op, 0);
  if (op.attrs.axes.size() != in.axes.size()) {
    return Error(op, "names ", op.attrs.axes.size(), " of ", in.axes.size(), " axes");
  }
  Type result{in.dtype, {}, in.layout};
  for (const std::string& name : op.attrs.axes) {
    ASSIGN_OR_RETURN(auto axis, WantAxis(op, 0, name));
    result.axes.push_back(*axis);
  }
  return Checked(op, result);
}

TypeOr InferAppend(const Op& op) {
  RETURN_IF_ERROR(WantAxes(op, 2));
  return Appended(op, 0, In(op, 1), "operand 1", op.attrs.axes);
}

// Keys and values are floats, or i8 with f32 scales: one for each element they have without `dim`.
absl::Status CheckCaches(const Op& op, const std::string& dim) {
  if (op.operand_count() == 5) {
    for (int i = 1; i < 3; ++i) {
      RETURN_IF_ERROR(WantFloat(op, i));
    }
    return absl::OkStatus();
  }
  if (op.operand_count() != 7) return Error(op, "needs scales of both the keys and the values");
  for (int i = 1; i < 3; ++i) {
    if (In(op, i).dtype != DType::kI8) {
      return Error(op, "operand ", i, " has scales and must be i8, is ", ToString(In(op, i)));
    }
    const Type scales{DType::kF32, In(op, i).Without(dim).axes, {}};
    if (In(op, i + 4) != scales) {
      return Error(op, "operand ", i + 4, " must be ", ToString(scales), ", is ",
                   ToString(In(op, i + 4)));
    }
  }
  return absl::OkStatus();
}

TypeOr InferAttention(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  if (!op.attrs.scale) return Error(op, "needs the attribute 'scale'");
  if (op.attrs.window && op.attrs.mask != Mask::kCausal) {
    return Error(op, "'window' narrows the mask causal, which is not given");
  }
  RETURN_IF_ERROR(WantAxes(op, 3));
  const std::string& slot = op.attrs.axes[0];
  const std::string& pos = op.attrs.axes[1];
  const std::string& dim = op.attrs.axes[2];
  RETURN_IF_ERROR(CheckCaches(op, dim));
  for (int i = 3; i < 5; ++i) {
    RETURN_IF_ERROR(WantInt(op, i));
    RETURN_IF_ERROR(WantExactAxes(op, i, In(op, 3).axes));
  }
  RETURN_IF_ERROR(WantExactAxes(op, 2, In(op, 1).axes));
  for (int i = 0; i < 3; ++i) {
    RETURN_IF_ERROR(WantAxis(op, i, dim));
  }
  for (const Axis& axis : In(op, 1).axes) {
    if (axis.name == slot || axis.name == pos) continue;
    ASSIGN_OR_RETURN(auto other, WantAxis(op, 0, axis.name));
    RETURN_IF_ERROR(SameExtent(op, *other, 0, axis, 1));
  }
  for (const Axis& axis : In(op, 3).axes) {
    RETURN_IF_ERROR(WantAxis(op, 0, axis.name));
  }
  for (const std::string& name : {slot, pos}) {
    RETURN_IF_ERROR(WantAxis(op, 1, name));
  }
  return In(op, 0).With(OutOr(op, DType::kF32));
}

TypeOr InferRope(const Op& op) {
  RETURN_IF_ERROR(WantFloat(op, 0));
  RETURN_IF_ERROR(WantAxes(op, 1));
  RETURN_IF_ERROR(WantAxis(op, 0, op.attrs.axes[0]));
  RETURN_IF_ERROR(CheckRotation(op, In(op, 0), op.attrs.axes[0], 1));
  return In(op, 0).With(OutOr(op, In(op, 0).dtype));
}

TypeOr InferCall(const Op& op) {
  if (op.callee == nullptr) return Error(op, "has no callee");
  const Func& callee = *op.callee;
  if (callee.params().size() != op.operands().size()) {
    return Error(op, "@", callee.name, " takes ", callee.params().size(), " operands, got ",
                 op.operand_count());
  }
  for (int i = 0; i < op.operand_count(); ++i) {
    if (In(op, i) != callee.params()[i]->type) {
      return Error(op, "operand ", i, " of @", callee.name, " must be ",
                   ToString(callee.params()[i]->type), ", is ", ToString(In(op, i)));
    }
  }
  return callee.result_type;
}

TypeOr InferFor(const Op& op) {
  if (op.operand_count() == 0) return Error(op, "a loop that carries nothing has no result");
  return In(op, 0);
}

TypeOr InferNothing(const Op& op) { return Error(op, "has no result"); }

struct InferRow {
  Opcode opcode;
  TypeOr (*infer)(const Op&);
};
// In the order of the enum.
constexpr InferRow kInfer[] = {
    {Opcode::kAdd, InferBinary},
    {Opcode::kAppend, InferAppend},
    {Opcode::kAttention, InferAttention},
    {Opcode::kCall, InferCall},
    {Opcode::kCast, InferCast},
    {Opcode::kCausalMask, InferCausalMask},
    {Opcode::kCombine, InferCombine},
    {Opcode::kConcat, InferJoin},
    {Opcode::kCos, InferUnary},
    {Opcode::kDequantize, InferDequantize},
    {Opcode::kDiv, InferBinary},
    {Opcode::kErf, InferUnary},
    {Opcode::kExp, InferUnary},
    {Opcode::kExpertMatmul, InferExpertMatmul},
    {Opcode::kFor, InferFor},
    {Opcode::kGather, InferGather},
    {Opcode::kGelu, InferUnary},
    {Opcode::kGeluErf, InferUnary},
    {Opcode::kIota, InferIota},
    {Opcode::kLayernorm, InferLayernorm},
    {Opcode::kLiteral, InferLiteral},
    {Opcode::kMatmul, InferMatmul},
    {Opcode::kMerge, InferMerge},
    {Opcode::kMul, InferBinary},
    {Opcode::kOffset, InferScale},
    {Opcode::kOrder, InferOrder},
    {Opcode::kPack, InferPack},
    {Opcode::kPad, InferPad},
    {Opcode::kPermute, InferPermute},
    {Opcode::kPick, InferPick},
    {Opcode::kPower, InferPower},
    {Opcode::kQuantize, InferQuantize},
    {Opcode::kQuantizeBlocks, InferQuantizeBlocks},
    {Opcode::kQuantizeScale, InferQuantizeScale},
    {Opcode::kReciprocal, InferUnary},
    {Opcode::kReduceMax, InferReduce},
    {Opcode::kReduceSum, InferReduce},
    {Opcode::kReturn, InferNothing},
    {Opcode::kRmsnorm, InferRmsnorm},
    {Opcode::kRope, InferRope},
    {Opcode::kScale, InferScale},
    {Opcode::kSilu, InferUnary},
    {Opcode::kSin, InferUnary},
    {Opcode::kSlice, InferSlice},
    {Opcode::kSoftmax, InferSoftmax},
    {Opcode::kSplit, InferSplit},
    {Opcode::kSub, InferBinary},
    {Opcode::kTanh, InferUnary},
    {Opcode::kTopK, InferTopK},
    {Opcode::kWindow, InferWindow},
    {Opcode::kYield, InferNothing},
};
static_assert(std::size(kInfer) == static_cast<size_t>(Opcode::kCount));

}  // namespace

absl::StatusOr<Type> InferType(const Op& op) {
  const OpInfo& info = Info(op.opcode());
  if (op.operand_count() < info.min_operands || op.operand_count() > info.max_operands) {
    return Error(op, "takes ", info.min_operands, " to ", info.max_operands, " operands, has ",
                 op.operand_count());
  }
  RETURN_IF_ERROR(CheckBlockOperands(op));
  TypeOr result = kInfer[static_cast<int>(op.opcode())].infer(op);
  if (!result.ok()) return result;
  RETURN_IF_ERROR(CheckBlockResult(op, *result));
  return result;
}

}  // namespace lluda::ir
