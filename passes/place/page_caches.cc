#include "passes/place/page_caches.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/step_interface.h"
#include "passes/framework/rewrite.h"
#include "passes/place/load_block.h"

namespace lluda::passes {
namespace {

using ir::Extent;
using ir::Func;
using ir::Global;
using ir::Module;
using ir::Op;
using ir::Opcode;
using ir::Type;
using ir::Value;

// What the attentions of a module read, and what appends to it.
struct Caches {
  std::vector<Op*> attentions;
  std::vector<Global*> states;
  std::vector<Op*> appends;
};

// What stands in the way, and where; nothing is in the way if there is no statement.
struct Obstacle {
  const Op* at = nullptr;
  std::string reason;
};

class Finder {
 public:
  explicit Finder(const Module& module) : module_(module) {}

  Caches Find(Obstacle* obstacle) {
    ForEachOp(module_, [&](Op* op) {
      if (op->opcode() == Opcode::kAttention) found_.attentions.push_back(op);
    });
    for (const Op* attention : found_.attentions) {
      const Op& first = *found_.attentions[0];
      const auto axes = [](const Op& op) { return absl::MakeConstSpan(op.attrs.axes).first(2); };
      if (axes(*attention) != axes(first) ||
          attention->operand(4).type() != first.operand(4).type()) {
        *obstacle = {attention, absl::StrCat("'", StatementName(*attention),
                                             "' has other slots or positions than '",
                                             StatementName(first), "'")};
        break;
      }
      for (const int i : {1, 2, 5, 6}) {
        if (i < attention->operand_count() && obstacle->at == nullptr) {
          *obstacle = AddCache(*attention, attention->operand(i));
        }
      }
    }
    return std::move(found_);
  }

 private:
  Obstacle AddCache(const Op& attention, const ir::Operand& operand) {
    const Op* append = operand.value != nullptr ? operand.value->def() : nullptr;
    if (append == nullptr || !ir::Appends(*append)) {
      return {&attention,
              absl::StrCat("'", StatementName(attention), "' reads no append's result")};
    }
    Global* state = append->operand(ir::AppendedOperand(*append)).global;
    if (std::find(found_.states.begin(), found_.states.end(), state) != found_.states.end()) {
      return {};
    }
    found_.states.push_back(state);
    const std::string& positions = attention.attrs.axes[1];
    if (state->type.GetAxis(positions)->extent.is_constant()) {
      return {&attention, absl::StrCat("@", state->name, " has positions of its own number")};
    }
    for (const ir::Use& use : FindReaders(module_, state)) {
      if (use.operand != ir::AppendedOperand(*use.op)) {
        return {use.op, absl::StrCat("'", StatementName(*use.op), "' reads @", state->name)};
      }
      found_.appends.push_back(use.op);
      for (const ir::Use& reader : use.op->result()->uses()) {
        if (reader.op->opcode() == Opcode::kAttention) continue;
        return {reader.op, absl::StrCat("@", state->name, " is also read by '",
                                        StatementName(*reader.op), "'")};
      }
    }
    return {};
  }

  const Module& module_;
  Caches found_;
};

// Gives the functions that need them parameters for pages, once each.
class Parameters {
 public:
  Parameters(Module* module, const Type& page) : module_(module), page_(page) {}

  struct Pair {
    Value* page = nullptr;
    Value* table = nullptr;
  };

  const Pair& Of(Func* func) {
    const auto [at, is_new] = pairs_.try_emplace(func);
    if (!is_new) return at->second;
    const Type table{ir::DType::kI32,
                     {{step_interface::kSlotAxis, Extent::Symbol(step_interface::kSlotCount)},
                      {step_interface::kPlaceAxis, Extent::Symbol(step_interface::kPlaceCount)}},
                     {}};
    Pair& own = at->second;
    own.page = func->AddParam(func->UniqueName(step_interface::kPage), page_);
    own.table = func->AddParam(func->UniqueName(step_interface::kPageTable), table);
    ForEachOp(*module_, [&](Op* op) {
      if (op->opcode() != Opcode::kCall || op->callee != func) return;
      const Pair& callers = Of(op->parent()->func());
      std::vector<ir::Operand> operands = op->operands();
      operands.emplace_back(callers.page);
      operands.emplace_back(callers.table);
      op->SetOperands(std::move(operands));
    });
    return own;
  }

 private:
  Module* module_;
  const Type page_;
  std::map<Func*, Pair> pairs_;
};

void PutIntoPages(const Caches& caches, Module* module) {
  const std::string positions = caches.attentions[0]->attrs.axes[1];
  const std::string slots = caches.attentions[0]->attrs.axes[0];
  for (Global* state : caches.states) {
    state->type.axes[state->type.FindAxis(slots)] = {step_interface::kPageAxis,
                                                     Extent::Symbol(step_interface::kPageCount)};
    state->type.axes[state->type.FindAxis(positions)].extent =
        Extent::Constant(step_interface::kPagePositions);
  }
  Parameters parameters(module, caches.attentions[0]->operand(4).type());
  for (Op* append : caches.appends) {
    append->SetOperand(append->operand_count() - 2, parameters.Of(append->parent()->func()).page);
    append->attrs.axes[append->attrs.axes.size() - 2] = step_interface::kPageAxis;
    append->attrs.ring = step_interface::kPagePositions;
    append->result()->type = append->operand(ir::AppendedOperand(*append)).global->type;
  }
  for (Op* attention : caches.attentions) {
    std::vector<ir::Operand> operands = attention->operands();
    operands.emplace_back(parameters.Of(attention->parent()->func()).table);
    attention->SetOperands(std::move(operands));
    attention->attrs.axes[0] = step_interface::kPageAxis;
  }
}

}  // namespace

absl::StatusOr<bool> PageCaches::Run(Module* module) {
  misses_.clear();
  if (device_ == machine::DeviceKind::kGpu) return false;
  for (const char* symbol : {step_interface::kPageCount, step_interface::kPlaceCount}) {
    if (module->FindSymbol(symbol) == nullptr) return false;
  }
  Obstacle obstacle;
  const Caches caches = Finder(*module).Find(&obstacle);
  const bool done = std::any_of(caches.attentions.begin(), caches.attentions.end(),
                                [](const Op* op) { return ir::ReadsPages(*op); });
  if (caches.attentions.empty() || done) return false;
  if (obstacle.at != nullptr) {
    misses_.push_back(
        {FuncName(*obstacle.at->parent()), StatementName(*obstacle.at), obstacle.reason});
    return false;
  }
  PutIntoPages(caches, module);
  return true;
}

}  // namespace lluda::passes
