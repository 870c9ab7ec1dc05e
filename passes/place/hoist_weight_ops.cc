#include "passes/place/hoist_weight_ops.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ir/type/layout.h"
#include "passes/framework/rewrite.h"
#include "passes/place/load_block.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Func;
using ir::Global;
using ir::Index;
using ir::Module;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Value;

// The rows that an index name stands for where `block` is: those of its loop or of its function.
std::optional<Index> FindIndex(const Block& block, const std::string& name) {
  for (const Op* loop = block.loop(); loop != nullptr; loop = loop->parent()->loop()) {
    if (loop->loop_index == name) return Index{name, loop->attrs.end};
  }
  const Func* func = block.func();
  if (func != nullptr && func->index && func->index->name == name) return func->index;
  return std::nullopt;
}

bool HasConstantShape(const ir::Type& type) {
  return std::all_of(type.axes.begin(), type.axes.end(),
                     [](const ir::Axis& axis) { return axis.extent.is_constant(); });
}

// A view costs nothing where it is; but a matmul wants its second operand in panels, which the load
// block makes of rows that are its own.
bool StaysWhereItIs(const Op& op) {
  const bool is_view = op.opcode() == Opcode::kSplit || op.opcode() == Opcode::kMerge ||
                       op.opcode() == Opcode::kSlice;
  const auto& uses = op.result()->uses();
  return is_view && std::none_of(uses.begin(), uses.end(), [](const ir::Use& use) {
           const Opcode reader = use.op->opcode();
           return (reader == Opcode::kMatmul || reader == Opcode::kExpertMatmul) &&
                  use.operand == 1;
         });
}

// Which statements of a function depend on weights and constants alone, and on which index.
class Analysis {
 public:
  explicit Analysis(const Func& func) {
    ForEachOp(func.body, [&](Op* op) { Visit(op); });
  }

  bool IsConstant(const Op* op) const { return index_.count(op) > 0; }
  // "" when the value is the same for all layers.
  const std::string& IndexOf(const Op* op) const { return index_.at(op); }

  // The statements that become globals, in program order: read by something that is not constant,
  // or by a view that stays where it is.
  std::vector<Op*> Roots() const {
    std::vector<Op*> roots;
    for (Op* op : order_) {
      if (StaysWhereItIs(*op)) continue;
      if (ReadOutside(*op)) roots.push_back(op);
    }
    return roots;
  }

 private:
  void Visit(Op* op) {
    if (op->result() == nullptr || op->body != nullptr || op->callee != nullptr) return;
    if (HasEffect(*op) || !HasConstantShape(op->result_type())) return;
    std::string index;
    for (const Operand& operand : op->operands()) {
      std::string other;
      if (operand.global != nullptr) {
        if (operand.global->kind == Global::Kind::kState) return;
        other = operand.index;
        if (!other.empty() && !FindIndex(*op->parent(), other)) return;
      } else {
        const auto known = index_.find(operand.value->def());
        if (known == index_.end()) return;
        other = known->second;
      }
      if (other.empty()) continue;
      if (!index.empty() && index != other) return;
      index = other;
    }
    index_[op] = index;
    order_.push_back(op);
  }

  bool ReadOutside(const Op& op) const {
    const auto& uses = op.result()->uses();
    return std::any_of(uses.begin(), uses.end(), [&](const ir::Use& use) {
      if (!IsConstant(use.op)) return true;
      return StaysWhereItIs(*use.op) && ReadOutside(*use.op);
    });
  }

  std::map<const Op*, std::string> index_;
  std::vector<Op*> order_;
};

// True when an op reads the value that has to have a buffer of its own: it may be written to.
bool NeedsOwnBuffer(const Value& value) {
  return std::any_of(value.uses().begin(), value.uses().end(), [](const ir::Use& use) {
    return IsTerminator(use.op->opcode()) || use.op->opcode() == Opcode::kFor;
  });
}

// Adds statements to the load block.
class LoadWriter {
 public:
  explicit LoadWriter(Module* module) : module_(module) {}

  // Starts a function: values of the load block are shared within one only.
  void Reset() { copies_.clear(); }

  // Copies `root` and what it is computed from, and makes it define a new global.
  Global* Define(const Op& root, const std::string& index) {
    std::optional<Index> rows;
    if (!index.empty()) rows = FindIndex(*root.parent(), index);
    std::set<const Global*> needed;
    CollectGlobals(root, &needed);
    Block* block = rows ? LoadLoop(module_, *rows, needed) : &module_->load;
    std::vector<Operand> operands = CopyOperands(root, block);
    Op* op = block->Append(root.opcode());
    Fill(op, root, std::move(operands));
    Global global;
    global.kind = Global::Kind::kLoaded;
    global.name = module_->UniqueGlobalName(root.result()->name);
    global.index = rows;
    global.type = root.result_type();
    op->defined_global = module_->AddGlobal(std::move(global));
    op->defined_index = index;
    return op->defined_global;
  }

 private:
  static void Fill(Op* op, const Op& from, std::vector<Operand> operands) {
    op->SetOperands(std::move(operands));
    op->attrs = from.attrs;
    op->by = "hoist-weight-ops";
    op->line = from.line;
  }

  std::vector<Operand> CopyOperands(const Op& op, Block* block) {
    std::vector<Operand> operands;
    for (const Operand& operand : op.operands()) {
      operands.push_back(operand.value == nullptr ? operand
                                                  : Operand(Copy(*operand.value->def(), block)));
    }
    return operands;
  }

  Value* Copy(const Op& op, Block* block) {
    const auto key = std::make_pair(&op, block);
    if (const auto known = copies_.find(key); known != copies_.end()) return known->second;
    std::vector<Operand> operands = CopyOperands(op, block);
    Op* copy = block->Append(op.opcode());
    Fill(copy, op, std::move(operands));
    const std::string name = UniqueValueName(*block, op.result()->name);
    return copies_[key] = copy->SetResult(name, op.result_type());
  }

  static void CollectGlobals(const Op& op, std::set<const Global*>* globals) {
    for (const Operand& operand : op.operands()) {
      if (operand.global != nullptr) globals->insert(operand.global);
      if (operand.value != nullptr) CollectGlobals(*operand.value->def(), globals);
    }
  }

  Module* module_;
  std::map<std::pair<const Op*, Block*>, Value*> copies_;
};

}  // namespace

absl::StatusOr<bool> HoistWeightOps::Run(Module* module) {
  misses_.clear();
  bytes_added_ = 0;
  bool changed = false;
  const auto no_symbols = [](absl::string_view) -> int64_t { return 0; };
  LoadWriter writer(module);
  for (const auto& func : module->funcs()) {
    writer.Reset();
    const Analysis analysis(*func);
    std::vector<Op*> hoisted;
    for (Op* root : analysis.Roots()) {
      if (NeedsOwnBuffer(*root->result())) {
        misses_.push_back({func->name, root->result()->name, "is returned, yielded or carried"});
        continue;
      }
      const std::string& index = analysis.IndexOf(root);
      const int64_t rows = index.empty() ? 1 : FindIndex(*root->parent(), index)->count;
      const int64_t bytes = rows * ByteSize(root->result_type(), no_symbols);
      if (bytes > byte_limit_ - bytes_added_) {
        misses_.push_back({func->name, root->result()->name,
                           absl::StrCat("needs ", bytes, " bytes, ", byte_limit_ - bytes_added_,
                                        " are left of the limit of ", byte_limit_)});
        continue;
      }
      ReplaceAllUses(root->result(), Operand(writer.Define(*root, index), index));
      bytes_added_ += bytes;
      hoisted.push_back(root);
      changed = true;
    }
    // Erased last: the writer knows statements by their address. Users go before what they use.
    for (auto it = hoisted.rbegin(); it != hoisted.rend(); ++it) EraseDeadChain(*it);
  }
  return changed;
}

}  // namespace lluda::passes
