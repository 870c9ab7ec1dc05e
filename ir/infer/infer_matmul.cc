#include "ir/infer/infer_matmul.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/infer/checks.h"
#include "ir/infer/infer_heads.h"
#include "ir/op/contraction.h"

namespace lluda::ir::infer {
namespace {

// The attributes and operands that go with the epilogue, and no others.
absl::Status CheckEpilogue(const Op& op) {
  RETURN_IF_ERROR(CheckEpilogueOrder(op));
  const Epilogue& epilogue = op.attrs.epilogue;
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
  if (op.attrs.ring && !epilogue.Has(EpilogueStep::kAppend)) {
    return Error(op, "with ", name, " takes no attribute 'ring'");
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

// Numbers in the sums' places, and what they are compared with: a number for each row.
TypeOr InferKeepStep(const StepArgs& args) {
  const auto& [op, step, i, columns, value] = args;
  Type rows = value;
  rows.axes.resize(rows.axes.size() - columns.size());
  RETURN_IF_ERROR(WantExactAxes(op, i, value.axes));
  RETURN_IF_ERROR(WantExactAxes(op, i + 1, rows.axes));
  for (const int operand : {i, i + 1}) {
    RETURN_IF_ERROR(WantDType(op, operand, DType::kF32));
  }
  return value;
}

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

}  // namespace

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

}  // namespace lluda::ir::infer
