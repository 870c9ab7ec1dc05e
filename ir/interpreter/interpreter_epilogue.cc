// What the steps of a matmul's epilogue make of its sums: each is the op that it stands for.
#include <utility>

#include "ir/interpreter/interpreter_ops.h"

namespace lluda::ir {
namespace {

struct StepArgs {
  const KernelArgs& matmul;
  const StepInfo& info;
  int operand;          // the step's first one among the matmul's
  const Tensor& value;  // what the steps before it made
};

// The op that the step stands for, along `axes`, of the value and the step's operands.
absl::StatusOr<Tensor> RunOp(const StepArgs& args, std::vector<std::string> axes, Type type) {
  const Attrs& attrs = args.matmul.op.attrs;
  Op op(args.info.opcode, nullptr);
  op.attrs.axes = std::move(axes);
  op.attrs.eps = attrs.eps;
  op.attrs.ring = attrs.ring;
  op.attrs.style = attrs.style;
  const auto first = args.matmul.in.begin() + args.operand;
  std::vector<const Tensor*> in(first, first + args.info.operands);
  in.insert(in.begin() + args.info.value, &args.value);
  return KernelOf(op.opcode())({op, std::move(in), std::move(type)});
}

absl::StatusOr<Tensor> RunOnColumns(const StepArgs& args) {
  return RunOp(args, {}, args.value.type());
}

absl::StatusOr<Tensor> RunOnHeads(const StepArgs& args) {
  const Type& heads = args.value.type();
  return RunOp(args, {heads.axes.back().name}, heads);
}

absl::StatusOr<Tensor> RunAppendStep(const StepArgs& args) {
  const auto& axes = args.matmul.op.attrs.axes;
  return RunOp(args, {axes.end() - 2, axes.end()}, args.matmul.type);
}

// The first half goes through a function, and is multiplied with the second.
absl::StatusOr<Tensor> RunGatedStep(const StepArgs& args) {
  const auto function = args.info.step == EpilogueStep::kGeluMul ? Gelu : Silu;
  Type type = args.value.type();
  const int64_t columns = type.axes.back().extent.value;
  type.axes.back() = args.matmul.op.attrs.result_axes[0];
  Tensor result(type);
  const int64_t half = columns / 2;
  const float* row = args.value.floats().data();
  for (int64_t begin = 0; begin < result.size(); begin += half, row += columns) {
    for (int64_t n = 0; n < half; ++n) {
      result.Store(begin + n, static_cast<double>(function(row[n])) * row[half + n]);
    }
  }
  return result;
}

using RunStep = absl::StatusOr<Tensor> (*)(const StepArgs&);
constexpr RunStep kRunSteps[] = {
#define LLUDA_EPILOGUE_STEP(Enum, text, op, value, operands, grain, after, keys, Infer, Run) Run,
#include "ir/op/epilogue.def"
#undef LLUDA_EPILOGUE_STEP
};

// The value with its columns as heads.
Tensor Heads(const KernelArgs& args, const Tensor& value) {
  Type type = value.type();
  type.axes.pop_back();
  const auto& heads = args.op.attrs.result_axes;
  type.axes.insert(type.axes.end(), heads.begin(), heads.end());
  return value.Reshaped(std::move(type));
}

absl::StatusOr<Tensor> Rounded(const KernelArgs& args, const Tensor& value) {
  if (!args.op.attrs.out) return value;
  Op cast(Opcode::kCast, nullptr);
  cast.attrs.out = args.op.attrs.out;
  return RunCast({cast, {&value}, value.type().With(*args.op.attrs.out)});
}

}  // namespace

absl::StatusOr<Tensor> RunEpilogue(const KernelArgs& args, Tensor sums) {
  const Epilogue& epilogue = args.op.attrs.epilogue;
  absl::StatusOr<Tensor> value = std::move(sums);
  bool are_heads = false;
  for (const EpilogueStep step : epilogue) {
    const StepInfo& info = Info(step);
    if (info.grain == Grain::kHeads && !std::exchange(are_heads, true)) {
      value = Heads(args, *value);
    }
    if (step == EpilogueStep::kAppend) value = Rounded(args, *value);
    if (!value.ok()) return value;
    value = kRunSteps[static_cast<int>(step)]({args, info, epilogue.OperandOf(step), *value});
    if (!value.ok()) return value;
  }
  return Appends(args.op) ? value : Rounded(args, *value);
}

}  // namespace lluda::ir
