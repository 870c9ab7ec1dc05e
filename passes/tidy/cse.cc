#include "passes/tidy/cse.h"

#include <array>
#include <iterator>
#include <vector>

#include "passes/framework/rewrite.h"
#include "passes/place/load_block.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Module;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// Statements by opcode whose results can be read at the current point.
using Visible = std::array<std::vector<Op*>, static_cast<size_t>(Opcode::kCount)>;

bool CanMerge(const Op& op) {
  if (op.opcode() == Opcode::kFor || IsTerminator(op.opcode()) || ReadsState(op)) return false;
  if (op.defined_global != nullptr) return !DefinesPart(op);
  return !HasEffect(op);
}

bool ComputeTheSame(const Op& a, const Op& b) {
  return a.operands() == b.operands() && a.attrs == b.attrs && a.callee == b.callee &&
         a.callee_index == b.callee_index && a.defined_index == b.defined_index &&
         (a.defined_global == nullptr) == (b.defined_global == nullptr) &&
         a.result_type() == b.result_type();
}

void ReplaceGlobal(Module* module, ir::Global* from, ir::Global* to) {
  const auto redirect = [&](Op* op) {
    for (int i = 0; i < op->operand_count(); ++i) {
      Operand operand = op->operand(i);
      if (operand.global != from) continue;
      operand.global = to;
      op->SetOperand(i, operand);
    }
  };
  ForEachOp(*module, redirect);
}

void MergeInto(Module* module, Op* first, Op* second) {
  if (second->defined_global == nullptr) {
    ReplaceOpByOperand(second, first->result());
    return;
  }
  ir::Global* global = second->defined_global;
  ReplaceGlobal(module, global, first->defined_global);
  second->parent()->Erase(second);
  module->EraseGlobal(global);
}

bool MergeEqual(Module* module, Block* block, Visible visible) {
  bool changed = false;
  for (auto it = block->ops().begin(); it != block->ops().end();) {
    Op* op = (it++)->get();
    if (op->body != nullptr) changed |= MergeEqual(module, op->body.get(), visible);
    if (!CanMerge(*op)) continue;
    std::vector<Op*>& candidates = visible[static_cast<size_t>(op->opcode())];
    Op* first = nullptr;
    for (Op* candidate : candidates) {
      if (ComputeTheSame(*candidate, *op)) {
        first = candidate;
        break;
      }
    }
    if (first == nullptr) {
      candidates.push_back(op);
    } else {
      MergeInto(module, first, op);
      changed = true;
    }
  }
  return changed;
}

}  // namespace

absl::StatusOr<bool> Cse::Run(Module* module) {
  bool changed = MergeEqual(module, &module->load, {});
  for (const auto& func : module->funcs()) changed |= MergeEqual(module, &func->body, {});
  return changed;
}

}  // namespace lluda::passes
