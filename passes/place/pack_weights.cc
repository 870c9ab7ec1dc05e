#include "passes/place/pack_weights.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/infer/infer.h"
#include "ir/op/contraction.h"
#include "machine/tiles.h"
#include "passes/framework/rewrite.h"
#include "passes/place/load_block.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Global;
using ir::Module;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Use;

constexpr absl::string_view kName = "pack-weights";

// The shape in which kernels want to read a matmul's second operand; nothing when there are none.
std::optional<ir::PanelShape> PanelShapeFor(machine::DeviceKind device, const Op& matmul) {
  const ir::DType b = matmul.operand(1).type().dtype;
  return machine::PanelShapeOf(device, b, *ir::AccumulatorOf(matmul.operand(0).type().dtype, b));
}

bool InLoadBlock(const Op& op) { return op.parent()->func() == nullptr; }

// A matmul that reads rows of a plain matrix, or of one for each expert, from memory: what packing is
// for.
bool IsPackable(const Use& use) {
  const Op& op = *use.op;
  const bool experts = op.opcode() == Opcode::kExpertMatmul;
  if (InLoadBlock(op) || use.operand != 1) return false;
  if (!experts && op.opcode() != Opcode::kMatmul) return false;
  const Operand& matrix = op.operand(1);
  if (matrix.global == nullptr || matrix.global->kind == Global::Kind::kState) return false;
  const ir::Type& type = matrix.type();
  if (type.layout.is_panel()) return false;
  if (experts) return type.axes.size() == 3 && type.axes[0].name == op.attrs.axes[1];
  if (type.axes.size() != 2) return false;
  if (ir::ContractedAxes(op.attrs).size() != 1) return false;
  return std::all_of(type.axes.begin(), type.axes.end(), [&](const ir::Axis& axis) {
    return axis.name == op.attrs.axes[0] || !op.operand(0).type().HasAxis(axis.name);
  });
}

// Can this operand read panels over `axis` instead of rows?
bool CanReadPanels(const Use& use, const std::string& axis) {
  if (use.op->opcode() == Opcode::kGather) {
    return !InLoadBlock(*use.op) && use.operand == 0 && use.op->attrs.axes[0] != axis;
  }
  return IsPackable(use) && use.op->attrs.axes[0] == axis;
}

// A matrix and its transposes: `source` is a weight or computed by something else than a permute.
struct Family {
  Global* source = nullptr;
  std::vector<Op*> permutes;  // of the load block, each of one member, outermost last
};

Global* PermutedGlobal(const Op* definition) {
  if (definition == nullptr || definition->opcode() != Opcode::kPermute) return nullptr;
  return definition->operand(0).global;
}

Family FindFamily(const Module& module, Global* member) {
  Family family;
  family.source = member;
  while (Global* from = PermutedGlobal(FindDefinition(module, family.source))) family.source = from;
  std::set<const Global*> members = {family.source};
  ForEachOp(module.load, [&](Op* op) {
    if (op->defined_global == nullptr || members.count(PermutedGlobal(op)) == 0) return;
    members.insert(op->defined_global);
    family.permutes.push_back(op);
  });
  return family;
}

// Reads of the family's members, but for those by its own permutes.
std::vector<Use> FamilyReaders(const Module& module, const Family& family) {
  std::vector<Use> readers = FindReaders(module, family.source);
  for (const Op* permute : family.permutes) {
    for (const Use& use : FindReaders(module, permute->defined_global)) readers.push_back(use);
  }
  const auto own = [&](const Use& use) {
    return std::find(family.permutes.begin(), family.permutes.end(), use.op) !=
           family.permutes.end();
  };
  readers.erase(std::remove_if(readers.begin(), readers.end(), own), readers.end());
  return readers;
}

class Packer {
 public:
  Packer(machine::DeviceKind device, Module* module, std::vector<Miss>* misses)
      : device_(device), module_(module), misses_(misses) {}

  // Packs what the matmul `op` reads, and lets the matrix's other readers read the panels.
  absl::Status PackOperand(Op* op) {
    const std::string axis = op->attrs.axes[0];
    const Family family = FindFamily(*module_, op->operand(1).global);
    const std::vector<Use> readers = FamilyReaders(*module_, family);
    bool all = true;
    for (const Use& use : readers) {
      if (CanReadPanels(use, axis)) continue;
      all = false;
      if (!InLoadBlock(*use.op) && !IsPackable(use)) {
        misses_->push_back({FuncName(*use.op->parent()), StatementName(*use.op),
                            absl::StrCat("reads @", use.op->operand(use.operand).global->name,
                                         " by rows, which keeps an unpacked copy")});
      }
    }
    ASSIGN_OR_RETURN(Global * packed, Pack(family.source, *PanelShapeFor(device_, *op), axis, all));
    for (const Use& use : readers) {
      if (!CanReadPanels(use, axis)) continue;
      use.op->SetOperand(use.operand, Operand(packed, use.op->operand(use.operand).index));
    }
    EraseUnread(family);
    RETURN_IF_ERROR(InlineSources(packed));
    return PackInParts(packed);
  }

 private:
  // The packed form of `source`. When nobody needs its rows and the load block computes it, it is
  // packed where it stands and keeps its name.
  absl::StatusOr<Global*> Pack(Global* source, const ir::PanelShape& tile, const std::string& axis,
                               bool replaces_rows) {
    ir::Attrs attrs;
    attrs.axes = {axis};
    attrs.tile = tile;
    // Null, too, for a source that is defined in parts: PackInParts sees to that.
    Op* definition = FindDefinition(*module_, source);
    const bool in_place = definition != nullptr && replaces_rows;
    const std::string index = definition != nullptr ? definition->defined_index
                              : source->index       ? source->index->name
                                                    : "";
    std::vector<Operand> operands = {Operand(source, index)};
    if (definition != nullptr && definition->opcode() == Opcode::kConcat) {
      operands = definition->operands();
      attrs.axes = definition->attrs.axes;
      attrs.axes.push_back(axis);
      attrs.result_axes = definition->attrs.result_axes;
    } else if (in_place) {
      // The rows are needed while the load block runs, not afterwards: a value instead of a global.
      ASSIGN_OR_RETURN(Op * rows,
                       InsertOp(definition, source->name, definition->opcode(),
                                definition->operands(), definition->attrs, definition->by));
      operands = {Operand(rows->result())};
    }
    Op* pack = nullptr;
    Global* packed = source;
    if (in_place) {
      Block* block = definition->parent();
      pack = block->InsertBefore(definition, Opcode::kPack);
      block->Erase(definition);
    } else {
      Global global{Global::Kind::kLoaded,
                    module_->UniqueGlobalName(absl::StrCat(source->name, "_p")), source->index,
                    source->type, ""};
      packed = module_->AddGlobal(std::move(global));
      Block* block = definition != nullptr ? definition->parent()
                     : source->index       ? LoadLoop(module_, *source->index, {source})
                                           : &module_->load;
      pack = block->Append(Opcode::kPack);
    }
    pack->SetOperands(std::move(operands));
    pack->attrs = std::move(attrs);
    pack->by = std::string(kName);
    pack->defined_index = index;
    pack->defined_global = packed;
    ASSIGN_OR_RETURN(packed->type, InferType(*pack));
    return packed;
  }

  // What the load block computes for the pack alone is needed while it runs, not afterwards: values
  // instead of globals.
  absl::Status InlineSources(Global* packed) {
    Op* pack = FindDefinition(*module_, packed);
    for (int i = 0; i < pack->operand_count(); ++i) {
      Global* source = pack->operand(i).global;
      if (source == nullptr || source->kind != Global::Kind::kLoaded) continue;
      Op* definition = FindDefinition(*module_, source);
      if (definition == nullptr || definition->parent() != pack->parent()) continue;
      if (FindReaders(*module_, source).size() != 1) continue;
      ASSIGN_OR_RETURN(Op * rows,
                       InsertOp(definition, source->name, definition->opcode(),
                                definition->operands(), definition->attrs, definition->by));
      pack->SetOperand(i, Operand(rows->result()));
      definition->parent()->Erase(definition);
      module_->EraseGlobal(source);
    }
    return absl::OkStatus();
  }

  // Where what is packed is defined in parts and nobody else reads it, packs each part where it
  // stands: the rows need no memory of their own afterwards.
  absl::Status PackInParts(Global* packed) {
    Op* whole = FindDefinition(*module_, packed);
    std::vector<Global*> sources;
    for (const Operand& operand : whole->operands()) {
      if (operand.global == nullptr) return absl::OkStatus();
      if (!DefinedInParts(operand.global)) continue;
      if (FindReaders(*module_, operand.global).size() != 1) return absl::OkStatus();
      sources.push_back(operand.global);
    }
    if (sources.empty()) return absl::OkStatus();
    const std::vector<Op*> parts = FindDefinitions(*module_, sources[0]);
    for (const Global* source : sources) {
      const std::vector<Op*> others = FindDefinitions(*module_, source);
      const bool side_by_side =
          std::equal(parts.begin(), parts.end(), others.begin(), others.end(),
                     [](const Op* a, const Op* b) { return a->parent() == b->parent(); });
      if (!side_by_side) return absl::OkStatus();
    }
    for (Op* part : parts) {
      std::vector<Operand> operands;
      for (const Operand& operand : whole->operands()) {
        ASSIGN_OR_RETURN(Operand row, RowIn(part->parent(), operand));
        operands.push_back(row);
      }
      Op* pack = part->parent()->Append(Opcode::kPack);
      pack->SetOperands(std::move(operands));
      pack->attrs = whole->attrs;
      pack->by = std::string(kName);
      pack->defined_index = whole->defined_index;
      pack->defined_global = packed;
    }
    Erase(whole);
    for (Global* source : sources) {
      for (Op* definition : FindDefinitions(*module_, source)) Erase(definition);
      module_->EraseGlobal(source);
    }
    return absl::OkStatus();
  }

  bool DefinedInParts(const Global* global) const {
    return FindDefinitions(*module_, global).size() > 1;
  }

  // The operand's row as the statements of `block` read it: of a global that is defined there as a
  // part, what defines it, as a value; a cast that keeps the dtype is passed over.
  static absl::StatusOr<Operand> RowIn(Block* block, const Operand& operand) {
    for (const auto& op : block->ops()) {
      if (op->defined_global != operand.global) continue;
      const bool keeps =
          op->opcode() == Opcode::kCast && op->operand(0).type() == op->result_type();
      if (keeps) return op->operand(0);
      ASSIGN_OR_RETURN(Op * rows, InsertOp(op.get(), operand.global->name, op->opcode(),
                                           op->operands(), op->attrs, op->by));
      return Operand(rows->result());
    }
    return operand;
  }

  // Removes a statement of the load block, and its loop if nothing is left in it.
  static void Erase(Op* op) {
    Block* block = op->parent();
    Op* loop = block->loop();
    block->Erase(op);
    if (loop != nullptr && block->empty()) loop->parent()->Erase(loop);
  }

  // Permutes whose readers have moved to the panels. The last one made may read an earlier one.
  void EraseUnread(const Family& family) {
    for (auto it = family.permutes.rbegin(); it != family.permutes.rend(); ++it) {
      Global* permuted = (*it)->defined_global;
      if (!FindReaders(*module_, permuted).empty()) continue;
      (*it)->parent()->Erase(*it);
      module_->EraseGlobal(permuted);
    }
  }

  const machine::DeviceKind device_;
  Module* module_;
  std::vector<Miss>* misses_;
};

// The attention that reads the state as its keys, if nothing else but appends touches the state.
// What stands in the way goes to `reason`; neither means that it is no K state at all.
const Op* FindKeyReader(const Module& module, const Global& state, std::string* reason) {
  const Op* attention = nullptr;
  std::string obstacle;
  for (const Use& use : FindReaders(module, &state)) {
    if (use.operand != AppendedOperand(*use.op)) {
      obstacle = absl::StrCat("is read directly by ", StatementName(*use.op));
      continue;
    }
    for (const Use& reader : use.op->result()->uses()) {
      const bool as_keys = reader.op->opcode() == Opcode::kAttention && reader.operand == 1;
      if (!as_keys) {
        obstacle = absl::StrCat("is also read by %", StatementName(*reader.op));
      } else if (attention != nullptr && !(attention->attrs.axes == reader.op->attrs.axes)) {
        obstacle = "is contracted over two different axes";
      } else {
        attention = reader.op;
      }
    }
  }
  if (attention == nullptr) return nullptr;
  const std::string& dim = attention->attrs.axes[2];
  const auto rows = std::find_if(state.type.axes.rbegin(), state.type.axes.rend(),
                                 [&](const ir::Axis& axis) { return axis.name != dim; });
  if (rows->name != attention->attrs.axes[1]) {
    obstacle = absl::StrCat("has ", rows->name, ", not ", attention->attrs.axes[1],
                            ", as its innermost row axis");
  }
  if (obstacle.empty()) return attention;
  *reason = absl::StrCat("the state @", state.name, " ", obstacle);
  return nullptr;
}

bool PackKeyState(const Module& module, Global* state, std::vector<Miss>* misses) {
  // Attention sums in f32, whatever the cache holds.
  const std::optional<ir::PanelShape> tile =
      machine::PanelShapeOf(state->type.dtype, ir::DType::kF32);
  if (state->kind != Global::Kind::kState || state->type.layout.is_panel() || !tile) return false;
  std::string reason;
  const Op* attention = FindKeyReader(module, *state, &reason);
  if (attention == nullptr) {
    if (!reason.empty()) {
      const Op& reader = *FindReaders(module, state).front().op;
      misses->push_back({FuncName(*reader.parent()), StatementName(reader), reason});
    }
    return false;
  }
  state->type.layout = ir::Layout::Panel(tile->rows, tile->depth, attention->attrs.axes[2]);
  for (const Use& use : FindReaders(module, state)) use.op->result()->type = state->type;
  return true;
}

}  // namespace

absl::StatusOr<bool> PackWeights::Run(Module* module) {
  misses_.clear();
  bool changed = false;
  Packer packer(device_, module, &misses_);
  std::vector<Op*> matmuls;
  for (const auto& func : module->funcs()) {
    ForEachOp(func->body, [&](Op* op) {
      const bool reads_matrix =
          op->opcode() == Opcode::kMatmul || op->opcode() == Opcode::kExpertMatmul;
      if (reads_matrix) matmuls.push_back(op);
    });
  }
  for (Op* op : matmuls) {
    // Packing for an earlier matmul may have served this one.
    if (!IsPackable({op, 1})) continue;
    if (!PanelShapeFor(device_, *op)) {
      misses_.push_back(
          {FuncName(*op->parent()), StatementName(*op),
           absl::StrCat("no tile multiplies ", ir::DTypeName(op->operand(0).type().dtype), " by ",
                        ir::DTypeName(op->operand(1).type().dtype))});
      continue;
    }
    RETURN_IF_ERROR(packer.PackOperand(op));
    changed = true;
  }
  // A GPU's attention reads positions as rows.
  if (device_ == machine::DeviceKind::kGpu) return changed;
  for (const auto& global : module->globals()) {
    changed |= PackKeyState(*module, global.get(), &misses_);
  }
  return changed;
}

}  // namespace lluda::passes
