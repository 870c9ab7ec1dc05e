#include "ir/cost.h"

namespace lluda::ir {
namespace {

double Elements(const Type& type, const CostShape& shape) {
  return static_cast<double>(ElementCount(type, shape.symbols));
}

double ResultBytes(const Op& op, const CostShape& shape) {
  return Elements(op.result_type(), shape) * DTypeSize(op.result_type().dtype);
}

// Elements of one position of one sequence of a cache: all extents that are constants.
double PerPosition(const Type& cache) {
  double elements = 1;
  for (const Axis& axis : cache.axes) {
    if (axis.extent.is_constant()) elements *= static_cast<double>(axis.extent.value);
  }
  return elements;
}

Cost MatmulCost(const Op& op, const CostShape& shape) {
  const Axis* contracted = op.operand(0).type().GetAxis(op.attrs.axes[0]);
  const auto depth = static_cast<double>(Evaluate(contracted->extent, shape.symbols));
  // Half of the columns that are computed become the factors of the other half.
  const double columns = op.attrs.epilogue == Epilogue::kSiluMul ? 2 : 1;
  return {2 * Elements(op.result_type(), shape) * depth * columns, 0};
}

// A query meets every position it sees twice: for its score, and with its weight.
Cost AttentionCost(const Op& op, const CostShape& shape) {
  const auto depth = static_cast<double>(shape.depth);
  const auto tokens = static_cast<double>(shape.tokens);
  const double seen = depth + (tokens + 1) / 2;  // by a token, on average
  Cost cost;
  cost.flops = 4 * Elements(op.operand(0).type(), shape) * seen;
  for (int i = 1; i < op.operand_count(); ++i) {
    if (i == 3 || i == 4) continue;  // positions and slots
    const Type& type = op.operand(i).type();
    cost.bytes += PerPosition(type) * DTypeSize(type.dtype) * (depth + tokens);
  }
  return cost;
}

double GlobalBytes(const Op& op, const CostShape& shape) {
  double bytes = 0;
  for (const Operand& operand : op.operands()) {
    if (operand.global == nullptr) continue;
    bytes += static_cast<double>(ByteSize(operand.type(), shape.symbols));
  }
  if (op.defined_global != nullptr) {
    bytes += static_cast<double>(ByteSize(op.result_type(), shape.symbols));
  }
  return bytes;
}

}  // namespace

Cost CostOf(const Op& op, const CostShape& shape) {
  switch (op.opcode()) {
    case Opcode::kMatmul: {
      Cost cost = MatmulCost(op, shape);
      cost.bytes = GlobalBytes(op, shape);
      return cost;
    }
    case Opcode::kAttention:
      return AttentionCost(op, shape);
    case Opcode::kGather:  // as much as it picks
      return {0, op.operand(0).global != nullptr ? ResultBytes(op, shape) : 0};
    case Opcode::kAppend:
      return {0, Elements(op.operand(1).type(), shape) * DTypeSize(op.operand(1).type().dtype)};
    case Opcode::kPack:
    case Opcode::kConcat:
    case Opcode::kSplit:
    case Opcode::kMerge:
    case Opcode::kSlice:
    case Opcode::kPermute:
      return {0, GlobalBytes(op, shape)};
    default:
      return {Elements(op.result_type(), shape), GlobalBytes(op, shape)};
  }
}

}  // namespace lluda::ir
