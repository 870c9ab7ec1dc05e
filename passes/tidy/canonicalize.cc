#include "passes/tidy/canonicalize.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "ir/infer/infer.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {
namespace {

using ir::Axis;
using ir::Block;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// What a rule proposes: to read an existing operand instead, or to compute the result by another
// op.
struct NewOp {
  Opcode opcode;
  std::vector<Operand> operands;
  ir::Attrs attrs;
};
using Proposal = std::variant<Operand, NewOp>;
using MaybeProposal = std::optional<Proposal>;

// The op that computes the first operand, if it is of this opcode.
const Op* Producer(const Op& op, Opcode opcode) {
  const ir::Value* value = op.operand(0).value;
  const Op* def = value != nullptr ? value->def() : nullptr;
  return def != nullptr && def->opcode() == opcode ? def : nullptr;
}

int FindAxis(const std::vector<Axis>& axes, absl::string_view name) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

// Axes `count` from `at` on replaced by `parts`.
std::vector<Axis> Substitute(std::vector<Axis> axes, size_t at, size_t count,
                             const std::vector<Axis>& parts) {
  axes.erase(axes.begin() + at, axes.begin() + at + count);
  axes.insert(axes.begin() + at, parts.begin(), parts.end());
  return axes;
}

MaybeProposal DropIfTypeIsKept(const Op& op) {
  if (op.operand(0).type() == op.result_type()) return op.operand(0);
  return std::nullopt;
}

// slice x q 0..16 as q[16]; cast x {out = its own dtype}; permute into the same order
MaybeProposal DropIdentitySlice(const Op& op) {
  const Axis* axis = op.operand(0).type().GetAxis(op.attrs.axes[0]);
  const bool whole = op.attrs.begin == 0 && axis->extent == ir::Extent::Constant(op.attrs.end);
  return whole ? DropIfTypeIsKept(op) : std::nullopt;
}

MaybeProposal DropScaleByOne(const Op& op) {
  return *op.attrs.by == 1.0 ? DropIfTypeIsKept(op) : std::nullopt;
}

MaybeProposal PermuteOfPermute(const Op& op) {
  const Op* inner = Producer(op, Opcode::kPermute);
  if (inner == nullptr) return std::nullopt;
  return NewOp{Opcode::kPermute, {inner->operand(0)}, op.attrs};
}

// A slice or split whose axis comes from another slice or split: the inner one names the final axes
// itself. A slice may cut the first of several new axes, which is a shorter range of the old one.
MaybeProposal RegroupOfInner(const Op& op, Opcode inner_opcode) {
  const Op* inner = Producer(op, inner_opcode);
  if (inner == nullptr) return std::nullopt;
  const std::vector<Axis>& axes = inner->attrs.result_axes;
  const int at = FindAxis(axes, op.attrs.axes[0]);
  if (at < 0) return std::nullopt;
  NewOp regrouped{inner_opcode, {inner->operand(0)}, inner->attrs};
  regrouped.attrs.result_axes = Substitute(axes, at, 1, op.attrs.result_axes);
  if (op.opcode() == Opcode::kSlice) {
    if (at != 0) return std::nullopt;
    int64_t row = 1;
    for (size_t i = 1; i < axes.size(); ++i) row *= axes[i].extent.value;
    regrouped.opcode = Opcode::kSlice;
    regrouped.attrs.end = inner->attrs.begin + op.attrs.end * row;
    regrouped.attrs.begin = inner->attrs.begin + op.attrs.begin * row;
  }
  return regrouped;
}

MaybeProposal SliceOfSlice(const Op& op) { return RegroupOfInner(op, Opcode::kSlice); }
MaybeProposal SliceOfSplit(const Op& op) { return RegroupOfInner(op, Opcode::kSplit); }
MaybeProposal SplitOfSlice(const Op& op) { return RegroupOfInner(op, Opcode::kSlice); }
MaybeProposal SplitOfSplit(const Op& op) { return RegroupOfInner(op, Opcode::kSplit); }

// split(merge x a b -> q) q -> a b
MaybeProposal SplitOfMerge(const Op& op) {
  const Op* inner = Producer(op, Opcode::kMerge);
  if (inner == nullptr || inner->operand(0).type() != op.result_type()) return std::nullopt;
  if (inner->attrs.result_axes[0].name != op.attrs.axes[0]) return std::nullopt;
  return inner->operand(0);
}

// merge(slice or split x q -> a b) a b -> q, and the same when more axes than a and b were made.
MaybeProposal MergeOfRegroup(const Op& op, Opcode inner_opcode) {
  const Op* inner = Producer(op, inner_opcode);
  if (inner == nullptr) return std::nullopt;
  const std::vector<Axis>& axes = inner->attrs.result_axes;
  const int at = FindAxis(axes, op.attrs.axes[0]);
  const size_t count = op.attrs.axes.size();
  if (at < 0 || at + count > axes.size()) return std::nullopt;
  NewOp regrouped{inner_opcode, {inner->operand(0)}, inner->attrs};
  regrouped.attrs.result_axes = Substitute(axes, at, count, op.attrs.result_axes);
  if (inner_opcode == Opcode::kSlice || regrouped.attrs.result_axes.size() > 1) return regrouped;
  if (inner->operand(0).type() == op.result_type()) return inner->operand(0);
  return std::nullopt;  // a renamed axis: there is no shorter way to write it
}

MaybeProposal MergeOfSplit(const Op& op) { return MergeOfRegroup(op, Opcode::kSplit); }
MaybeProposal MergeOfSlice(const Op& op) { return MergeOfRegroup(op, Opcode::kSlice); }

MaybeProposal MergeOfMerge(const Op& op) {
  const Op* inner = Producer(op, Opcode::kMerge);
  if (inner == nullptr) return std::nullopt;
  NewOp merged{Opcode::kMerge, {inner->operand(0)}, op.attrs};
  auto& names = merged.attrs.axes;
  const auto at = std::find(names.begin(), names.end(), inner->attrs.result_axes[0].name);
  if (at == names.end()) return std::nullopt;
  const auto next = names.erase(at);
  names.insert(next, inner->attrs.axes.begin(), inner->attrs.axes.end());
  return merged;
}

// pack (concat a b q k -> qk) over hid = pack a b q k -> qk over hid
MaybeProposal PackOfConcat(const Op& op) {
  const Op* inner = Producer(op, Opcode::kConcat);
  if (inner == nullptr || op.operand_count() != 1 || op.attrs.axes.size() != 1) return std::nullopt;
  NewOp pack{Opcode::kPack, inner->operands(), op.attrs};
  pack.attrs.axes = inner->attrs.axes;
  pack.attrs.axes.push_back(op.attrs.axes[0]);
  pack.attrs.result_axes = inner->attrs.result_axes;
  return pack;
}

// Panels are filled by axis names, so the order in which a permute put a matrix's two axes does not
// matter. Readers see another axis order, which only a matmul and a gather do not pass on.
bool ReadersIgnoreAxisOrder(const ir::Module& module, const ir::Global* packed) {
  bool ignore = true;
  ForEachOp(module, [&](const Op* op) {
    for (int i = 0; i < op->operand_count(); ++i) {
      if (op->operand(i).global != packed) continue;
      ignore &= (op->opcode() == Opcode::kMatmul && i == 1) || op->opcode() == Opcode::kGather;
    }
  });
  return ignore;
}

MaybeProposal PackOfPermute(const Op& op) {
  const Op* inner = Producer(op, Opcode::kPermute);
  if (inner == nullptr || op.operand_count() != 1 || op.attrs.axes.size() != 1 ||
      op.defined_global == nullptr) {
    return std::nullopt;
  }
  if (op.result_type().axes.size() != 2) return std::nullopt;
  if (!ReadersIgnoreAxisOrder(*op.parent()->module(), op.defined_global)) return std::nullopt;
  return NewOp{Opcode::kPack, {inner->operand(0)}, op.attrs};
}

struct Rule {
  Opcode opcode;
  MaybeProposal (*propose)(const Op& op);
};
constexpr Rule kRules[] = {
    {Opcode::kCast, DropIfTypeIsKept},    {Opcode::kMerge, MergeOfMerge},
    {Opcode::kMerge, MergeOfSlice},       {Opcode::kMerge, MergeOfSplit},
    {Opcode::kPack, PackOfConcat},        {Opcode::kPack, PackOfPermute},
    {Opcode::kPermute, DropIfTypeIsKept}, {Opcode::kPermute, PermuteOfPermute},
    {Opcode::kScale, DropScaleByOne},     {Opcode::kSlice, DropIdentitySlice},
    {Opcode::kSlice, SliceOfSlice},       {Opcode::kSlice, SliceOfSplit},
    {Opcode::kSplit, SplitOfMerge},       {Opcode::kSplit, SplitOfSlice},
    {Opcode::kSplit, SplitOfSplit},
};

absl::Status Redefine(Op* op, const NewOp& fresh) {
  op->SetOperands(fresh.operands);
  op->attrs = fresh.attrs;
  op->by = "canonicalize";
  ASSIGN_OR_RETURN(op->defined_global->type, InferType(*op));
  return absl::OkStatus();
}

absl::Status Apply(const Proposal& proposal, Op* op) {
  // Every rule looks through the only operand.
  Op* producer = op->operand(0).value != nullptr ? op->operand(0).value->def() : nullptr;
  if (const Operand* replacement = std::get_if<Operand>(&proposal)) {
    ReplaceOpByOperand(op, *replacement);
  } else {
    const NewOp& fresh = std::get<NewOp>(proposal);
    RETURN_IF_ERROR(
        op->defined_global != nullptr
            ? Redefine(op, fresh)
            : ReplaceOp(op, fresh.opcode, fresh.operands, fresh.attrs, "canonicalize").status());
  }
  if (producer != nullptr) EraseDeadChain(producer);
  return absl::OkStatus();
}

absl::StatusOr<bool> Sweep(Block* block) {
  bool changed = false;
  for (auto it = block->ops().begin(); it != block->ops().end();) {
    Op* op = (it++)->get();
    if (op->body != nullptr) {
      ASSIGN_OR_RETURN(bool inner, Sweep(op->body.get()));
      changed |= inner;
    }
    for (const Rule& rule : kRules) {
      if (rule.opcode != op->opcode()) continue;
      // A global has to be defined by something: only packs are rewritten in place.
      if (op->defined_global != nullptr && rule.opcode != Opcode::kPack) continue;
      const MaybeProposal proposal = rule.propose(*op);
      if (!proposal) continue;
      RETURN_IF_ERROR(Apply(*proposal, op));
      changed = true;
      break;
    }
  }
  return changed;
}

}  // namespace

absl::StatusOr<bool> Canonicalize::Run(ir::Module* module) {
  std::vector<Block*> blocks = {&module->load};
  for (const auto& func : module->funcs()) blocks.push_back(&func->body);
  bool changed = false;
  for (Block* block : blocks) {
    // Every rule shortens a chain, so this ends.
    while (true) {
      ASSIGN_OR_RETURN(bool swept, Sweep(block));
      if (!swept) break;
      changed = true;
    }
  }
  return changed;
}

}  // namespace lluda::passes
