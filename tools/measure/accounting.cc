#include "tools/measure/accounting.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/step_interface.h"
#include "ir/cost.h"

namespace lluda::tools {
namespace {

void ForEachRunOp(const ir::Block& block, int64_t times,
                  const std::function<void(const ir::Op&, int64_t)>& visit) {
  for (const auto& op : block.ops()) {
    if (ir::IsTerminator(op->opcode())) continue;
    if (op->body) {
      ForEachRunOp(*op->body, times * (op->attrs.end - op->attrs.begin), visit);
    } else if (op->callee != nullptr) {
      ForEachRunOp(op->callee->body, times, visit);
    } else {
      visit(*op, times);
    }
  }
}

// How many different axes of an op's operands have each symbol as their length.
struct Symbols {
  int tokens = 0, rows = 0, positions = 0, others = 0;

  void See(const ir::Extent& extent) {
    if (extent.is_constant()) return;
    if (extent.symbol == step_interface::kTokenCount) {
      ++tokens;
    } else if (extent.symbol == step_interface::kRowCount ||
               extent.symbol == step_interface::kTopRowCount) {
      ++rows;
    } else if (extent.symbol == step_interface::kCapacity) {
      ++positions;
    } else {
      ++others;
    }
  }
};

Symbols SymbolsOfProduct(const ir::Op& op) {
  Symbols symbols;
  const ir::Type& a = op.operand(0).type();
  for (const ir::Axis& axis : a.axes) symbols.See(axis.extent);
  for (const ir::Axis& axis : op.operand(1).type().axes) {
    if (!a.HasAxis(axis.name)) symbols.See(axis.extent);
  }
  return symbols;
}

bool Multiplies(const ir::Op& op) {
  return op.opcode() == ir::Opcode::kMatmul || op.opcode() == ir::Opcode::kExpertMatmul;
}

class Counter {
 public:
  absl::Status Count(const ir::Op& op, double times) {
    // A token that is the first, so that it sees one position, and whose logits are wanted.
    const ir::Cost cost = ir::CostOf(op, {[](absl::string_view) { return 1; }, 0, 1});
    if (op.opcode() == ir::Opcode::kAttention) {
      Symbols symbols;
      for (const ir::Axis& axis : op.operand(3).type().axes) symbols.See(axis.extent);
      StepCost::Cache& cache = CacheOf(op.attrs.window);
      (symbols.rows > 0 ? cache.row_flops : cache.flops) += times * cost.flops;
      cache.bytes += times * cost.bytes;
      return absl::OkStatus();
    }
    if (op.attrs.epilogue.Has(ir::EpilogueStep::kKeep)) {
      const ir::Extent columns = op.result_type().axes.back().extent;
      step_.bytes_per_column += times * cost.bytes / static_cast<double>(columns.value);
      return absl::OkStatus();
    }
    step_.bytes += times * cost.bytes;
    if (!Multiplies(op)) return absl::OkStatus();
    const Symbols symbols = SymbolsOfProduct(op);
    if (symbols.others > 0 || symbols.tokens + symbols.rows != 1 || symbols.positions > 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("matmul of type ", ir::ToString(op.result_type()),
                       " is neither one of tokens with weights nor one with a cache"));
    }
    if (symbols.positions == 1) {
      CacheOf(std::nullopt).flops += times * cost.flops;
    } else if (symbols.rows == 1) {
      step_.flops_per_row += times * cost.flops;
    } else {
      step_.flops_per_token += times * cost.flops;
    }
    return absl::OkStatus();
  }

  StepCost Result() && { return std::move(step_); }

 private:
  StepCost::Cache& CacheOf(std::optional<int64_t> window) {
    auto& caches = step_.caches;
    auto cache = std::find_if(caches.begin(), caches.end(),
                              [&](const StepCost::Cache& each) { return each.window == window; });
    if (cache == caches.end()) cache = caches.insert(cache, StepCost::Cache{window});
    return *cache;
  }

  StepCost step_;
};

}  // namespace

Flops StepCost::Prefill(int64_t tokens) const {
  Flops flops{flops_per_token * static_cast<double>(tokens) + flops_per_row, 0};
  for (const Cache& cache : caches) {
    flops.attention += cache.flops * ir::PositionsSeen(0, tokens, cache.window) +
                       cache.row_flops * ir::PositionsSeen(tokens - 1, 1, cache.window);
  }
  return flops;
}

Flops StepCost::Decode(int64_t depth) const {
  Flops flops{flops_per_token + flops_per_row, 0};
  for (const Cache& cache : caches) {
    flops.attention += (cache.flops + cache.row_flops) * ir::PositionsSeen(depth, 1, cache.window);
  }
  return flops;
}

double StepCost::CacheBytes(int64_t depth) const {
  double bytes = 0;
  for (const Cache& cache : caches) {
    bytes += cache.bytes * ir::PositionsRead(depth, 1, cache.window);
  }
  return bytes;
}

void ForEachRunOp(const ir::Func& func,
                  const std::function<void(const ir::Op& op, int64_t times)>& visit) {
  ForEachRunOp(func.body, 1, visit);
}

absl::StatusOr<StepCost> CountStep(const ir::Module& module, const char* entry) {
  const ir::Func* step = module.FindFunc(entry);
  if (step == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("the module has no @", entry));
  }
  Counter counter;
  absl::Status status;
  ForEachRunOp(*step, [&](const ir::Op& op, int64_t times) {
    status.Update(counter.Count(op, static_cast<double>(times)));
  });
  if (!status.ok()) return status;
  return std::move(counter).Result();
}

}  // namespace lluda::tools
