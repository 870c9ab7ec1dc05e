#include "codegen/emit/column_epilogue.h"

#include <limits>

#include "codegen/emit/math.h"
#include "codegen/emit/tensor_access.h"
#include "glog/logging.h"

namespace lluda::codegen {
namespace {

// The first half goes through a function, and is multiplied with the second.
struct GateRow {
  ir::EpilogueStep step;
  Value* (*function)(Emitter& e, Value* x);
};
constexpr GateRow kGates[] = {{ir::EpilogueStep::kGeluMul, Gelu},
                              {ir::EpilogueStep::kSiluMul, Silu}};

const GateRow* FindGate(ir::EpilogueStep step) {
  for (const GateRow& row : kGates) {
    if (row.step == step) return &row;
  }
  return nullptr;
}

// The operand's elements from `column` on along its last axis, at `indices` of the others.
Value* LoadColumns(const KernelSpec& spec, Emitter& e, int operand, Indices indices, Value* column,
                   int lanes) {
  const TensorSpec& tensor = spec.operands[static_cast<size_t>(operand)];
  const ir::StridedAxis& last = tensor.axes.back();
  indices[last.axis.name] = column;
  Value* buffer = e.Buffer(operand);
  Value* first = e.Offset(tensor.axes, indices);
  if (!IsContiguous(tensor, last.axis.name)) {
    return e.LoadStrided(buffer, first, e.StrideValue(last.stride), tensor.dtype, lanes);
  }
  return e.Load(e.Address(buffer, first, tensor.dtype), tensor.dtype, lanes);
}

}  // namespace

bool EmitsColumnStep(ir::EpilogueStep step) {
  const ir::StepInfo& info = Info(step);
  if (info.grain != ir::Grain::kColumns) return FindGate(step) != nullptr;
  return info.opcode == ir::Opcode::kAdd || info.opcode == ir::Opcode::kGeluErf ||
         info.opcode == ir::Opcode::kKeep;
}

Value* ApplyColumnStep(const KernelSpec& spec, Emitter& e, ir::EpilogueStep step, Value* value,
                       const Indices& indices, Value* column) {
  if (Info(step).opcode == ir::Opcode::kGeluErf) return GeluErf(e, value);
  if (step == ir::EpilogueStep::kKeep) {
    const float hidden = -std::numeric_limits<float>::infinity();
    return e.b().CreateSelect(IsKept(spec, e, indices, column, LanesOf(value)), value,
                              e.ConstF32(hidden, LanesOf(value)));
  }
  const int operand = spec.attrs.epilogue.OperandOf(step);
  Value* added = LoadColumns(spec, e, operand, indices, column, LanesOf(value));
  return e.b().CreateFAdd(added, value);
}

Value* IsKept(const KernelSpec& spec, Emitter& e, const Indices& indices, Value* column,
              int lanes) {
  const int operand = spec.attrs.epilogue.OperandOf(ir::EpilogueStep::kKeep);
  const TensorSpec& limits = spec.operands[static_cast<size_t>(operand + 1)];
  Value* y = LoadColumns(spec, e, operand, indices, column, lanes);
  Value* limit =
      e.Load(e.Address(e.Buffer(operand + 1), e.Offset(limits.axes, indices), limits.dtype),
             limits.dtype, 1);
  return e.b().CreateFCmpUGE(y, e.Splat(limit, lanes));
}

Value* FoldHalves(Emitter& e, ir::EpilogueStep step, Value* first, Value* second) {
  const GateRow* row = FindGate(step);
  CHECK(row != nullptr) << Info(step).name;
  return e.b().CreateFMul(row->function(e, first), second);
}

}  // namespace lluda::codegen
