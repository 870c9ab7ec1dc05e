#include "passes/framework/rewrite.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/step_interface.h"
#include "ir/infer/infer.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Func;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// True when the op itself, an op in its body or one in a function it calls satisfies `property`.
// `visited` keeps a module with recursive calls, which no verifier has seen yet, from looping.
template <typename Property>
bool Anywhere(const Op& op, const Property& property, std::set<const Func*>* visited) {
  if (property(op)) return true;
  const auto in_block = [&](const Block& block) {
    return std::any_of(block.ops().begin(), block.ops().end(),
                       [&](const auto& inner) { return Anywhere(*inner, property, visited); });
  };
  if (op.body != nullptr && in_block(*op.body)) return true;
  return op.callee != nullptr && visited->insert(op.callee).second && in_block(op.callee->body);
}

// True when `op` lies in the body of `loop`, however deep.
bool IsInside(const Op& op, const Op& loop) {
  for (const Op* l = op.parent()->loop(); l != nullptr; l = l->parent()->loop()) {
    if (l == &loop) return true;
  }
  return false;
}

}  // namespace

bool HasEffect(const Op& op) {
  if (IsTerminator(op.opcode()) || op.defined_global != nullptr) return true;
  std::set<const Func*> visited;
  return Anywhere(
      op, [](const Op& o) { return ir::Appends(o) || o.defined_global != nullptr; }, &visited);
}

bool ReadsState(const Op& op) {
  std::set<const Func*> visited;
  const auto reads = [](const Op& o) {
    return std::any_of(o.operands().begin(), o.operands().end(), [](const Operand& operand) {
      return operand.global != nullptr && operand.global->kind == ir::Global::Kind::kState;
    });
  };
  return Anywhere(op, reads, &visited);
}

std::string UniqueValueName(const Block& block, absl::string_view hint) {
  if (block.func() != nullptr) return block.func()->UniqueName(hint);
  std::set<std::string> taken;
  ForEachOp(block.module()->load, [&](const Op* op) {
    if (op->result() != nullptr) taken.insert(op->result()->name);
  });
  std::string candidate(hint);
  for (int i = 1; taken.count(candidate) > 0; ++i) candidate = absl::StrCat(hint, "_", i);
  return candidate;
}

absl::StatusOr<Op*> InsertOp(const Op* position, absl::string_view hint, Opcode opcode,
                             std::vector<Operand> operands, ir::Attrs attrs, absl::string_view by) {
  Block* block = position->parent();
  Op* op = block->InsertBefore(position, opcode);
  op->attrs = std::move(attrs);
  op->SetOperands(std::move(operands));
  op->by = std::string(by);
  absl::StatusOr<ir::Type> type = InferType(*op);
  if (!type.ok()) {
    block->Erase(op);
    return type.status();
  }
  op->SetResult(UniqueValueName(*block, hint), *std::move(type));
  return op;
}

absl::StatusOr<Op*> ReplaceOp(Op* op, Opcode opcode, std::vector<Operand> operands, ir::Attrs attrs,
                              absl::string_view by) {
  Block* block = op->parent();
  Op* fresh = block->InsertBefore(op, opcode);
  fresh->attrs = std::move(attrs);
  fresh->SetOperands(std::move(operands));
  fresh->by = std::string(by);
  fresh->line = op->line;
  absl::StatusOr<ir::Type> type = InferType(*fresh);
  absl::Status status = type.status();
  if (status.ok() && *type != op->result_type()) {
    status =
        absl::InternalError(absl::StrCat(StatementName(*op), " would change from ",
                                         ToString(op->result_type()), " to ", ToString(*type)));
  }
  if (!status.ok()) {
    block->Erase(fresh);
    return status;
  }
  if (op->result() != nullptr) {
    fresh->SetResult(op->result()->name, *std::move(type));
    ReplaceAllUses(op->result(), fresh->result());
  } else {
    fresh->defined_global = op->defined_global;
    fresh->defined_index = op->defined_index;
  }
  block->Erase(op);
  return fresh;
}

void ReplaceOpByOperand(Op* op, Operand replacement) {
  ReplaceAllUses(op->result(), std::move(replacement));
  op->parent()->Erase(op);
}

bool EraseDeadChain(Op* op) {
  std::vector<Op*> candidates;  // without effect, each once; erased as soon as it has no use
  const auto add = [&](Op* candidate) {
    if (candidate->result() != nullptr && !HasEffect(*candidate) &&
        std::find(candidates.begin(), candidates.end(), candidate) == candidates.end()) {
      candidates.push_back(candidate);
    }
  };
  add(op);
  bool erased = false;
  while (true) {
    const auto dead = std::find_if(candidates.begin(), candidates.end(),
                                   [](const Op* c) { return c->result()->uses().empty(); });
    if (dead == candidates.end()) return erased;
    Op* next = *dead;
    candidates.erase(dead);
    // What a loop's body reads from outside may be dead with the loop; what the body defines goes
    // away with it.
    const auto add_producers = [&](const Op* user) {
      for (const Operand& operand : user->operands()) {
        if (operand.value == nullptr || operand.value->def() == nullptr) continue;
        if (!IsInside(*operand.value->def(), *next)) add(operand.value->def());
      }
    };
    add_producers(next);
    if (next->body != nullptr) ForEachOp(*next->body, add_producers);
    next->parent()->Erase(next);
    erased = true;
  }
}

std::string FuncName(const Block& block) {
  return block.func() != nullptr ? block.func()->name : step_interface::kLoad;
}

}  // namespace lluda::passes
