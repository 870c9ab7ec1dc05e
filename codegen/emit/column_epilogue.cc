#include "codegen/emit/column_epilogue.h"

#include <utility>

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

}  // namespace

bool EmitsColumnStep(ir::EpilogueStep step) {
  const ir::StepInfo& info = Info(step);
  if (info.grain != ir::Grain::kColumns) return FindGate(step) != nullptr;
  return info.opcode == ir::Opcode::kAdd || info.opcode == ir::Opcode::kGeluErf;
}

Value* ApplyColumnStep(const KernelSpec& spec, Emitter& e, ir::EpilogueStep step, Value* value,
                       Indices indices, Value* column) {
  if (Info(step).opcode == ir::Opcode::kGeluErf) return GeluErf(e, value);
  const int operand = spec.attrs.epilogue.OperandOf(step);
  const TensorSpec& tensor = spec.operands[operand];
  const ir::StridedAxis& last = tensor.axes.back();
  const int lanes = LanesOf(value);
  indices[last.axis.name] = column;
  Value* buffer = e.Buffer(operand);
  Value* first = e.Offset(tensor.axes, indices);
  Value* added =
      IsContiguous(tensor, last.axis.name)
          ? e.Load(e.Address(buffer, first, tensor.dtype), tensor.dtype, lanes)
          : e.LoadStrided(buffer, first, e.StrideValue(last.stride), tensor.dtype, lanes);
  return e.b().CreateFAdd(added, value);
}

Value* FoldHalves(Emitter& e, ir::EpilogueStep step, Value* first, Value* second) {
  const GateRow* row = FindGate(step);
  CHECK(row != nullptr) << Info(step).name;
  return e.b().CreateFMul(row->function(e, first), second);
}

}  // namespace lluda::codegen
