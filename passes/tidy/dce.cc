#include "passes/tidy/dce.h"

#include <set>
#include <vector>

#include "base/step_interface.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Func;
using ir::Global;
using ir::Module;
using ir::Op;

void CollectCallees(const Func* func, std::set<const Func*>* reached) {
  if (!reached->insert(func).second) return;
  ForEachOp(func->body, [&](const Op* op) {
    if (op->callee != nullptr) CollectCallees(op->callee, reached);
  });
}

bool EraseUnreachedFuncs(Module* module) {
  std::set<const Func*> reached;
  for (const char* entry : step_interface::kEntries) {
    const Func* func = module->FindFunc(entry);
    if (func != nullptr) CollectCallees(func, &reached);
  }
  if (reached.empty()) return false;
  std::vector<Func*> unreached;
  for (const auto& func : module->funcs()) {
    if (reached.count(func.get()) == 0) unreached.push_back(func.get());
  }
  for (Func* func : unreached) module->EraseFunc(func);
  return !unreached.empty();
}

// Users come after what they use, so one sweep from the end finds all of it.
bool SweepBlock(Block* block, const std::set<const Global*>& read) {
  bool changed = false;
  for (auto it = block->ops().end(); it != block->ops().begin();) {
    Op* op = std::prev(it)->get();
    if (op->body != nullptr) changed |= SweepBlock(op->body.get(), read);
    const bool empty_load_loop = op->body != nullptr && op->body->empty();
    const bool unread_global = op->defined_global != nullptr && read.count(op->defined_global) == 0;
    const bool unused = op->result() != nullptr && op->result()->uses().empty() && !HasEffect(*op);
    if (empty_load_loop || unread_global || unused) {
      block->Erase(op);
      changed = true;
    } else {
      --it;
    }
  }
  return changed;
}

std::set<const Global*> ReadGlobals(const Module& module) {
  std::set<const Global*> read;
  ForEachOp(module, [&](const Op* op) {
    for (const ir::Operand& operand : op->operands()) {
      if (operand.global != nullptr) read.insert(operand.global);
    }
  });
  return read;
}

bool EraseUnusedGlobals(Module* module) {
  std::vector<Global*> unused;
  for (const auto& global : module->globals()) {
    if (!module->IsUsed(global.get())) unused.push_back(global.get());
  }
  for (Global* global : unused) module->EraseGlobal(global);
  return !unused.empty();
}

}  // namespace

absl::StatusOr<bool> Dce::Run(Module* module) {
  bool changed = false;
  // A dead call may be all that keeps a function, and a loaded global another one: sweep until
  // nothing goes.
  bool swept = true;
  while (swept) {
    swept = EraseUnreachedFuncs(module);
    for (const auto& func : module->funcs()) swept |= SweepBlock(&func->body, {});
    swept |= SweepBlock(&module->load, ReadGlobals(*module));
    changed |= swept;
  }
  changed |= EraseUnusedGlobals(module);
  return changed;
}

}  // namespace lluda::passes
