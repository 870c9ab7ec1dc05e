#include "tools/measure/accounting.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "ir/type/layout.h"

namespace lluda::tools {
namespace {

// Calls visit(op, times) for every op that @step runs, `times` being how often.
void ForEachStepOp(const ir::Block& block, int64_t times,
                   const std::function<void(const ir::Op&, int64_t)>& visit) {
  for (const auto& op : block.ops()) {
    visit(*op, times);
    if (op->body) ForEachStepOp(*op->body, times * (op->attrs.end - op->attrs.begin), visit);
    if (op->callee != nullptr) ForEachStepOp(op->callee->body, times, visit);
  }
}

absl::StatusOr<const ir::Func*> StepOf(const ir::Module& module) {
  const ir::Func* step = module.FindFunc(step_interface::kStep);
  if (step == nullptr) return absl::FailedPreconditionError("the module has no @step");
  return step;
}

// The product of constant extents, and how often each symbol stands among the others.
struct Volume {
  double constant = 1;
  int tokens = 0, rows = 0, positions = 0, others = 0;

  void Multiply(const ir::Extent& extent) {
    if (extent.is_constant()) {
      constant *= static_cast<double>(extent.value);
    } else if (extent.symbol == step_interface::kTokenCount) {
      ++tokens;
    } else if (extent.symbol == step_interface::kRowCount) {
      ++rows;
    } else if (extent.symbol == step_interface::kCapacity) {
      ++positions;
    } else {
      ++others;
    }
  }
};

// Of experts, a row meets one matrix.
Volume ExpertVolume(const ir::Op& op) {
  Volume volume;
  for (const ir::Axis& axis : op.operand(2).type().axes) volume.Multiply(axis.extent);
  for (const ir::Axis& axis : op.operand(1).type().axes) {
    if (axis.name != op.attrs.axes[1]) volume.Multiply(axis.extent);
  }
  return volume;
}

Volume MatmulVolume(const ir::Op& op) {
  if (op.opcode() == ir::Opcode::kExpertMatmul) return ExpertVolume(op);
  Volume volume;
  const ir::Type& a = op.operand(0).type();
  for (const ir::Axis& axis : a.axes) volume.Multiply(axis.extent);
  for (const ir::Axis& axis : op.operand(1).type().axes) {
    if (!a.HasAxis(axis.name)) volume.Multiply(axis.extent);
  }
  return volume;
}

// Which share of all experts' matrices one token reads.
double ShareOfExperts(const ir::Op& op) {
  double rows = 1;
  for (const ir::Axis& axis : op.operand(2).type().axes) {
    if (axis.extent.is_constant()) rows *= static_cast<double>(axis.extent.value);
  }
  const ir::Axis& experts = *op.operand(1).type().GetAxis(op.attrs.axes[1]);
  return std::min(1.0, rows / static_cast<double>(experts.extent.value));
}

// Of attention, which stands for two matmuls: those of the queries with one position.
double AttentionProducts(const ir::Op& op) {
  Volume queries;
  for (const ir::Axis& axis : op.operand(0).type().axes) queries.Multiply(axis.extent);
  return 2 * queries.constant;
}

// Positions that all tokens of a prompt see together.
double Triangle(int64_t tokens) {
  return static_cast<double>(tokens) * static_cast<double>(tokens + 1) / 2;
}

}  // namespace

Flops StepFlops::Prefill(int64_t tokens) const {
  return {per_token * static_cast<double>(tokens) + per_row, per_position * Triangle(tokens)};
}

Flops StepFlops::Decode(int64_t depth) const {
  return {per_token + per_row, per_position * static_cast<double>(depth + 1)};
}

absl::StatusOr<StepFlops> CountFlops(const ir::Module& module) {
  ASSIGN_OR_RETURN(const ir::Func* step, StepOf(module));
  StepFlops flops;
  absl::Status status;
  ForEachStepOp(step->body, 1, [&](const ir::Op& op, int64_t times) {
    if (op.opcode() == ir::Opcode::kAttention) {
      flops.per_position += 2 * AttentionProducts(op) * static_cast<double>(times);
    }
    const bool multiplies =
        op.opcode() == ir::Opcode::kMatmul || op.opcode() == ir::Opcode::kExpertMatmul;
    if (!multiplies) return;
    const Volume volume = MatmulVolume(op);
    const double count = 2 * volume.constant * static_cast<double>(times);
    if (volume.others > 0 || volume.tokens + volume.rows != 1 || volume.positions > 1) {
      status = absl::FailedPreconditionError(
          absl::StrCat("matmul of type ", ir::ToString(op.result_type()),
                       " is neither one of tokens with weights nor one with a cache"));
    } else if (volume.positions == 1) {
      flops.per_position += count;
    } else if (volume.rows == 1) {
      flops.per_row += count;
    } else {
      flops.per_token += count;
    }
  });
  if (!status.ok()) return status;
  return flops;
}

absl::StatusOr<StepBytes> CountBytes(const ir::Module& module) {
  ASSIGN_OR_RETURN(const ir::Func* step, StepOf(module));
  std::map<const ir::Global*, double> read;  // and which share of it
  ForEachStepOp(step->body, 1, [&](const ir::Op& op, int64_t) {
    for (int i = 0; i < op.operand_count(); ++i) {
      const ir::Global* global = op.operand(i).global;
      const bool looked_up = op.opcode() == ir::Opcode::kGather && i == 0;
      if (global == nullptr || looked_up) continue;
      const bool chosen = op.opcode() == ir::Opcode::kExpertMatmul && i == 1;
      double& share = read[global];
      share = std::max(share, chosen ? ShareOfExperts(op) : 1.0);
    }
  });
  StepBytes bytes;
  for (const auto& [global, share] : read) {
    const int64_t count = global->index ? global->index->count : 1;
    if (global->kind != ir::Global::Kind::kState) {
      bytes.weights +=
          std::llround(share * static_cast<double>(count * ir::ByteSize(global->type, nullptr)));
      continue;
    }
    // One position of one slot: what does not depend on symbols.
    bytes.cache_position += count * ir::SymbolicByteSize(global->type).factor;
  }
  return bytes;
}

}  // namespace lluda::tools
