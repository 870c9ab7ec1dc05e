#include "passes/place/peel_last_layer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"
#include "passes/place/row_function.h"

namespace lluda::passes {
namespace {

using ir::Func;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Value;

// What the gather picks rows of, if that is what a call or a loop made; else null.
Op* LayersOf(const Op& gather) {
  Op* op = gather.opcode() == Opcode::kGather ? Producer(gather.operand(0)) : nullptr;
  const bool runs =
      op != nullptr && (op->opcode() == Opcode::kCall || op->opcode() == Opcode::kFor);
  return runs ? op : nullptr;
}

// The call whose result the loop's last round yields; null if that is no call of the round.
const Op* LastCallOf(const Op& loop) {
  const Op* call = Producer(loop.body->terminator()->operand(0));
  const bool is_its_own = call != nullptr && call->parent() == loop.body.get();
  return is_its_own && call->opcode() == Opcode::kCall ? call : nullptr;
}

// Why the loop's last round cannot stand by itself; "" if it can.
std::string ExplainLoop(const Op& loop) {
  if (loop.attrs.begin >= loop.attrs.end) return "the loop has no round";
  for (const auto& op : loop.body->ops()) {
    if (op->opcode() == Opcode::kCall || ir::IsTerminator(op->opcode())) continue;
    return absl::StrCat("'", StatementName(*op), "' in the loop is no call");
  }
  const Op* last = LastCallOf(loop);
  if (last == nullptr) return "the loop yields what no call of it made";
  return ExplainUses(*last, 1);
}

std::string ExplainRows(const Op& gather) {
  const Operand& rows = gather.operand(1);
  const auto& params = gather.parent()->func()->params();
  const bool is_param = std::any_of(params.begin(), params.end(),
                                    [&](const auto& param) { return param.get() == rows.value; });
  if (!is_param) return absl::StrCat(OperandText(rows), " is no parameter");
  const auto& axes = rows.type().axes;
  if (axes.size() != 1) {
    return absl::StrCat(OperandText(rows), " has ", axes.size(), " axes, expected 1");
  }
  if (axes[0].name != gather.attrs.axes[0]) return "";
  return absl::StrCat(OperandText(rows), " has the axis ", axes[0].name, ", too");
}

// Without the gather a result is another name of what the last call returned, which a function cannot
// return as memory of its own.
std::string ExplainResult(const Op& gather) {
  const auto& uses = gather.result()->uses();
  const bool is_returned = std::any_of(uses.begin(), uses.end(), [](const ir::Use& use) {
    return ir::IsTerminator(use.op->opcode());
  });
  return is_returned ? "the function returns the rows, which need memory of their own" : "";
}

// Why the rows that the gather picks cannot be computed alone; "" if they can.
std::string Explain(const Op& gather, const Op& layers) {
  const std::string& axis = gather.attrs.axes[0];
  for (const std::string& why :
       {ExplainUses(layers, 1), ExplainRows(gather), ExplainResult(gather)}) {
    if (!why.empty()) return why;
  }
  const Op* call = &layers;
  if (layers.opcode() == Opcode::kFor) {
    const std::string why = ExplainLoop(layers);
    if (!why.empty()) return why;
    call = LastCallOf(layers);
  }
  return FindRowParts(*call->callee, axis, gather.operand(1).type()).obstacle;
}

// `index`, or the number that it stands for.
std::string IndexAs(const std::string& index, const Op& loop, int64_t number) {
  return index == loop.loop_index ? absl::StrCat(number) : index;
}

// Rewrites what one gather picks from.
class Peeler {
 public:
  Peeler(RowFunctions* functions, absl::string_view by) : functions_(*functions), by_(by) {}

  // Takes the last round out of a loop of calls, and lets the gather read what it yielded. The call that
  // made it.
  Op* Peel(Op* gather, Op* loop) {
    ir::Block* block = loop->parent();
    const auto at = std::find_if(block->ops().begin(), block->ops().end(),
                                 [&](const auto& op) { return op.get() == loop; });
    const Op* behind = std::next(at)->get();
    const int64_t round = --loop->attrs.end;
    std::map<const Value*, Value*> values = {{loop->carried.get(), loop->result()}};
    for (const auto& op : loop->body->ops()) {
      if (op->opcode() != Opcode::kCall) continue;
      std::vector<Operand> operands;
      for (Operand operand : op->operands()) {
        if (const auto copy = values.find(operand.value); copy != values.end()) {
          operand.value = copy->second;
        }
        operand.index = IndexAs(operand.index, *loop, round);
        operands.push_back(std::move(operand));
      }
      Op* copy = block->InsertBefore(behind, Opcode::kCall);
      copy->callee = op->callee;
      copy->callee_index = IndexAs(op->callee_index, *loop, round);
      copy->SetOperands(std::move(operands));
      copy->by = std::string(by_);
      copy->line = op->line;
      values[op->result()] = copy->SetResult(
          UniqueValueName(*block, absl::StrCat(op->result()->name, "_last")), op->result()->type);
    }
    Value* last = values.at(loop->body->terminator()->operand(0).value);
    gather->SetOperand(0, last);
    if (loop->attrs.begin == loop->attrs.end) ReplaceOpByOperand(loop, loop->operand(0));
    return last->def();
  }

  // Makes the call compute the rows alone that the gather picks, and takes the gather away. Gathers of
  // its operands that had to be inserted.
  absl::StatusOr<std::vector<Op*>> Narrow(Op* gather, Op* call) {
    const std::string axis = gather->attrs.axes[0];
    Value* rows = gather->operand(1).value;
    const RowParts parts = FindRowParts(*call->callee, axis, rows->type);
    ASSIGN_OR_RETURN(Func * callee, functions_.Of(*call->callee, parts, rows->type));
    std::vector<Op*> gathers;
    std::vector<Operand> operands = call->operands();
    for (Operand& operand : operands) {
      if (parts.sees_all_rows || !operand.type().HasAxis(axis)) continue;
      ASSIGN_OR_RETURN(Value * some, InsertRowsOf(call, absl::StrCat(ValueName(operand), "_rows"),
                                                  operand, axis, rows, by_));
      gathers.push_back(some->def()->operand(0).value->def());
      operand = some;
    }
    if (parts.sees_all_rows) operands.emplace_back(rows);
    Op* narrow = call->parent()->InsertBefore(call, Opcode::kCall);
    narrow->callee = callee;
    narrow->callee_index = call->callee_index;
    narrow->SetOperands(std::move(operands));
    narrow->by = std::string(by_);
    narrow->line = call->line;
    Value* result =
        narrow->SetResult(UniqueValueName(*call->parent(), "narrow"), callee->result_type);
    RETURN_IF_ERROR(PutInPlace(gather, axis, result));
    const std::string name = call->result()->name;
    call->parent()->Erase(call);
    result->name = name;
    return gathers;
  }

 private:
  static absl::string_view ValueName(const Operand& operand) {
    return operand.value != nullptr ? operand.value->name : operand.global->name;
  }

  // Readers of the gather's result read `rows`, along whose axis they may have named it already.
  absl::Status PutInPlace(Op* gather, const std::string& axis, Value* rows) {
    for (const ir::Use& use : std::vector<ir::Use>(gather->result()->uses())) {
      const bool is_name =
          use.op->opcode() == Opcode::kSplit && use.op->result_type() == rows->type;
      if (is_name) ReplaceOpByOperand(use.op, rows);
    }
    if (gather->result()->uses().empty()) {
      gather->parent()->Erase(gather);
      return absl::OkStatus();
    }
    ir::Attrs attrs;
    attrs.axes = {axis};
    attrs.result_axes = gather->operand(1).type().axes;
    return ReplaceOp(gather, Opcode::kSplit, {rows}, attrs, by_).status();
  }

  RowFunctions& functions_;
  const absl::string_view by_;
};

}  // namespace

absl::StatusOr<bool> PeelLastLayer::Run(ir::Module* module) {
  misses_.clear();
  std::vector<Op*> pending;
  for (const auto& func : module->funcs()) {
    for (const auto& op : func->body.ops()) {
      if (LayersOf(*op) != nullptr) pending.push_back(op.get());
    }
  }
  RowFunctions functions(module, name());
  Peeler peeler(&functions, name());
  bool changed = false;
  while (!pending.empty()) {
    Op* gather = pending.back();
    pending.pop_back();
    Op* layers = LayersOf(*gather);
    if (layers == nullptr) continue;
    std::string why = Explain(*gather, *layers);
    if (why.empty() && device_ == machine::DeviceKind::kGpu) {
      why = "a GPU would need further kernels for these rows";
    }
    if (!why.empty()) {
      misses_.push_back(MissAt(*gather, why));
      continue;
    }
    Op* call = layers->opcode() == Opcode::kFor ? peeler.Peel(gather, layers) : layers;
    ASSIGN_OR_RETURN(const std::vector<Op*> gathers, peeler.Narrow(gather, call));
    pending.insert(pending.end(), gathers.begin(), gathers.end());
    changed = true;
  }
  return changed;
}

}  // namespace lluda::passes
