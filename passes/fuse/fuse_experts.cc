#include "passes/fuse/fuse_experts.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A sum of an expert_matmul's products.
constexpr int kNearMissSumOps = 3;
// A sum with a combine.
constexpr int kNearMissAddOps = 2;

// Whether the operand depends on weights alone.
bool IsMadeOfWeights(const Operand& operand) {
  if (operand.global != nullptr) return operand.global->kind != ir::Global::Kind::kState;
  const Op* def = operand.value->def();
  if (def == nullptr || def->operands().empty() || HasEffect(*def) || def->body != nullptr ||
      def->callee != nullptr) {
    return false;
  }
  for (const Operand& from : def->operands()) {
    if (!IsMadeOfWeights(from)) return false;
  }
  return true;
}

// The order of the indices, which is made right behind them if there is none yet.
absl::StatusOr<Operand> OrderOf(const Operand& indices, const Op* before, absl::string_view by) {
  for (const ir::Use& use : indices.value->uses()) {
    if (use.op->opcode() == Opcode::kOrder && use.op->parent() == before->parent()) {
      return Operand(use.op->result());
    }
  }
  absl::StatusOr<Op*> order = InsertOp(before, absl::StrCat(indices.value->name, "_order"),
                                       Opcode::kOrder, {indices}, {}, by);
  if (!order.ok()) return order.status();
  return Operand((*order)->result());
}

}  // namespace

bool FuseExperts::FuseMatmul(Op* matmul) {
  Operand a, table, indices;
  Op* gather = nullptr;
  const Pattern pattern =
      OpOf(Opcode::kMatmul, {Any().Capture(&a),
                             OpOf(Opcode::kGather, {Any().Capture(&table), Any().Capture(&indices)})
                                 .WithOneUse()
                                 .Capture(&gather)})
          .Where(kHaveNoEpilogue, HasNoEpilogue);
  const Op* read = matmul->operand_count() == 2 ? Producer(matmul->operand(1)) : nullptr;
  const bool gathers = read != nullptr && read->opcode() == Opcode::kGather;
  // A cache is gathered, too.
  if (!gathers || !IsMadeOfWeights(read->operand(0))) return false;
  const auto miss = [&](std::string reason) {
    misses_.push_back(MissAt(*matmul, std::move(reason)));
    return false;
  };
  const MatchResult match = Match(pattern, matmul);
  if (!match) return miss(match.reason);
  if (indices.value == nullptr) return miss(absl::StrCat(OperandText(indices), " is no value"));
  if (matmul->attrs.axes.size() != 1) {
    return miss(absl::StrCat("'", StatementName(*matmul), "' sums over several axes"));
  }
  const auto order = OrderOf(indices, matmul, name());
  if (!order.ok()) return miss(std::string(order.status().message()));
  ir::Attrs attrs;
  attrs.axes = {matmul->attrs.axes[0], gather->attrs.axes[0]};
  attrs.out = matmul->attrs.out;
  Op* made = Producer(*order);
  const auto fused = ReplaceOp(matmul, Opcode::kExpertMatmul, {a, table, indices, *order},
                               std::move(attrs), name());
  if (!fused.ok()) {
    EraseDeadChain(made);
    return miss(std::string(fused.status().message()));
  }
  EraseDeadChain(gather);
  return true;
}

bool FuseExperts::FuseSum(Op* sum) {
  Op* product = Producer(sum->operand(0));
  if (product == nullptr || product->opcode() != Opcode::kMul) return false;
  Operand x, weights;
  const Pattern experts = ResultOf(Opcode::kExpertMatmul);
  const Pattern mul = OpOf(Opcode::kMul, {experts, Any().Capture(&weights)})
                          .Commuted()
                          .WithOneUse()
                          .Where(kBeF32, IsF32);
  const MatchResult match = Match(OpOf(Opcode::kReduceSum, {mul}), sum);
  if (!match) {
    if (match.ops_matched >= kNearMissSumOps) misses_.push_back(MissAt(*sum, match.reason));
    return false;
  }
  x = product->operand(product->operand(0) == weights ? 1 : 0);
  const auto fused = ReplaceOp(sum, Opcode::kCombine, {x, weights}, sum->attrs, name());
  if (!fused.ok()) {
    misses_.push_back(MissAt(*sum, std::string(fused.status().message())));
    return false;
  }
  EraseDeadChain(product);
  return true;
}

bool FuseExperts::FuseAdd(Op* add) {
  Operand added;
  Op* combine = nullptr;
  const auto has_two = [](const Op& op) { return op.operand_count() == 2; };
  const Pattern pattern =
      OpOf(
          Opcode::kAdd,
          {Any().Capture(&added),
           ResultOf(Opcode::kCombine).WithOneUse().Where("add nothing", has_two).Capture(&combine)})
          .Commuted();
  const MatchResult match = Match(pattern, add);
  if (!match) {
    if (match.ops_matched >= kNearMissAddOps) misses_.push_back(MissAt(*add, match.reason));
    return false;
  }
  if (std::string why = ExplainType(added, combine->result_type()); !why.empty()) {
    misses_.push_back(MissAt(*add, std::move(why)));
    return false;
  }
  const auto fused =
      ReplaceOp(add, Opcode::kCombine, {combine->operand(0), combine->operand(1), added},
                combine->attrs, name());
  if (!fused.ok()) {
    misses_.push_back(MissAt(*add, std::string(fused.status().message())));
    return false;
  }
  EraseDeadChain(combine);
  return true;
}

absl::StatusOr<bool> FuseExperts::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* op) {
    switch (op->opcode()) {
      case Opcode::kMatmul:
        changed |= FuseMatmul(op);
        break;
      case Opcode::kReduceSum:
        changed |= FuseSum(op);
        break;
      case Opcode::kAdd:
        changed |= FuseAdd(op);
        break;
      default:
        break;
    }
  });
  return changed;
}

}  // namespace lluda::passes
