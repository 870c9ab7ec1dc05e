#include "ir/cost.h"

#include <algorithm>

#include "ir/op/contraction.h"
#include "ir/type/layout.h"

namespace lluda::ir {
namespace {

double Elements(const Type& type, const CostShape& shape) {
  return static_cast<double>(ElementCount(type, shape.symbols));
}

// Without a layout's padding.
double Bytes(const Type& type, const CostShape& shape) {
  return static_cast<double>(BytesOf(type.dtype, ElementCount(type, shape.symbols)));
}

// Of a state that is appended to, nothing is read.
double GlobalBytes(const Op& op, const CostShape& shape) {
  double bytes = 0;
  for (int i = 0; i < op.operand_count(); ++i) {
    const Operand& operand = op.operand(i);
    if (operand.global == nullptr || i == AppendedOperand(op)) continue;
    bytes += static_cast<double>(ByteSize(operand.type(), shape.symbols));
  }
  if (op.defined_global != nullptr) {
    bytes += static_cast<double>(ByteSize(op.result_type(), shape.symbols));
  }
  return bytes;
}

// Columns that a row of a is multiplied with: those that it does not share with b.
double Columns(const Op& op, const CostShape& shape) {
  double columns = 1;
  for (const Axis& axis : op.operand(1).type().axes) {
    if (op.operand(0).type().HasAxis(axis.name)) continue;
    columns *= static_cast<double>(Evaluate(axis.extent, shape.symbols));
  }
  return columns;
}

// Of a state that it appends to, it writes its own elements only.
Cost MatmulCost(const Op& op, const CostShape& shape) {
  const Type& a = op.operand(0).type();
  const double columns = Columns(op, shape);
  Cost cost{2 * Elements(a, shape) * columns, GlobalBytes(op, shape)};
  if (op.attrs.epilogue.Has(EpilogueStep::kKeep) && shape.kept_columns) {
    const double share = *shape.kept_columns / columns;
    return {cost.flops * share, cost.bytes * share};
  }
  if (!Appends(op)) return cost;
  const Type& state = op.operand(AppendedOperand(op)).type();
  const double rows = Elements(WithoutAxes(a, ContractedAxes(op.attrs)), shape);
  cost.bytes += static_cast<double>(BytesOf(state.dtype, static_cast<int64_t>(rows * columns)));
  return cost;
}

// Of the experts' matrices it reads those that its rows take, at most one each.
Cost ExpertMatmulCost(const Op& op, const CostShape& shape) {
  const Type& matrices = op.operand(1).type();
  const double rows = Elements(op.operand(2).type(), shape);
  const double experts =
      static_cast<double>(Evaluate(matrices.GetAxis(op.attrs.axes[1])->extent, shape.symbols));
  const double matrix = Elements(matrices, shape) / experts;
  Cost cost{2 * rows * matrix, 0};
  if (op.operand(1).global != nullptr) {
    const auto bytes = static_cast<double>(ByteSize(matrices, shape.symbols));
    cost.bytes = bytes / experts * std::min(rows, experts);
  }
  return cost;
}

// A query meets every position it sees twice: for its score, and with its weight.
Cost AttentionCost(const Op& op, const CostShape& shape) {
  // Of the last tokens, where not all of them attend.
  const int64_t tokens = std::min(shape.tokens, ElementCount(op.operand(3).type(), shape.symbols));
  const int64_t depth = shape.depth + shape.tokens - tokens;
  const double seen = PositionsSeen(depth, tokens, op.attrs.window) /
                      static_cast<double>(tokens);  // by a token, on average
  const double read = PositionsRead(depth, tokens, op.attrs.window);
  Cost cost;
  cost.flops = 4 * Elements(op.operand(0).type(), shape) * seen;
  const int end = op.operand_count() - (ReadsPages(op) ? 1 : 0);
  for (int i = 1; i < end; ++i) {
    if (i == 3 || i == 4) continue;  // positions and slots
    // A position of one sequence: what does not depend on symbols, of a ring or a page its share.
    const Type& cache = op.operand(i).type();
    const Extent& cells = cache.GetAxis(op.attrs.axes[1])->extent;
    const double together = cells.is_constant() ? static_cast<double>(cells.value) : 1.0;
    cost.bytes += static_cast<double>(SymbolicByteSize(cache).factor) / together * read;
  }
  return cost;
}

}  // namespace

Cost CostOf(const Op& op, const CostShape& shape) {
  switch (op.opcode()) {
    case Opcode::kMatmul:
      return MatmulCost(op, shape);
    case Opcode::kExpertMatmul:
      return ExpertMatmulCost(op, shape);
    case Opcode::kAttention:
      return AttentionCost(op, shape);
    case Opcode::kCombine:
      return {2 * Elements(op.operand(0).type(), shape), 0};
    case Opcode::kGather:  // as much as it picks
      return {0, op.operand(0).global != nullptr ? Bytes(op.result_type(), shape) : 0};
    case Opcode::kAppend:
      return {0, Bytes(op.operand(1).type(), shape)};
    case Opcode::kPack:
    case Opcode::kConcat:
    case Opcode::kSplit:
    case Opcode::kMerge:
    case Opcode::kSlice:
    case Opcode::kPermute:
    case Opcode::kPad:
    case Opcode::kWindow:
      return {0, GlobalBytes(op, shape)};
    default:
      return {Elements(op.result_type(), shape), GlobalBytes(op, shape)};
  }
}

double PositionsSeen(int64_t depth, int64_t tokens, std::optional<int64_t> window) {
  const auto cached = static_cast<double>(depth);
  const auto count = static_cast<double>(tokens);
  const double widest = window ? static_cast<double>(*window) : cached + count;
  // Tokens that see all positions up to their own; the others see a whole window.
  const double first = std::clamp(widest - cached - 1, 0.0, count);
  return first * (cached + (first + 1) / 2) + (count - first) * widest;
}

double PositionsRead(int64_t depth, int64_t tokens, std::optional<int64_t> window) {
  const int64_t all = depth + tokens;
  return static_cast<double>(window ? std::min(all, *window + tokens - 1) : all);
}

}  // namespace lluda::ir
