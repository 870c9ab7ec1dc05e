#include "passes/place/plan_memory.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "base/status_macros.h"
#include "ir/frame.h"
#include "ir/view.h"

namespace lluda::passes {
namespace {

using ir::Block;
using ir::Func;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Value;

int64_t Aligned(int64_t bytes) { return base::RoundUp(bytes, ir::kFrameAlignment); }

bool IsReturned(const Op& op) {
  const auto& uses = op.result()->uses();
  return std::any_of(uses.begin(), uses.end(),
                     [](const ir::Use& use) { return use.op->opcode() == Opcode::kReturn; });
}

bool OwnsBuffer(const Op& op) {
  return op.result() != nullptr && op.opcode() != Opcode::kFor && !Appends(op) && !IsView(op) &&
         !IsReturned(op);
}

class Planner {
 public:
  explicit Planner(const Func& func) : func_(func) { Number(func.body); }

  absl::StatusOr<MemoryPlan> Plan() {
    for (Op* op : order_) {
      if (OwnsBuffer(*op)) {
        const int at = position_.at(op);
        buffers_[op] = {op, 0, MaxByteSize(op->result_type(), *func_.module()), at, at};
      }
    }
    for (Op* op : order_) {
      for (const Operand& operand : op->operands()) {
        for (Op* owner : Owners(operand)) Extend(owner, *op);
      }
    }
    for (Op* op : order_) {
      if (op->opcode() != Opcode::kFor) continue;
      RETURN_IF_ERROR(KeepBothBuffers(*op));
    }
    return Place();
  }

 private:
  void Number(const Block& block) {
    for (const auto& op : block.ops()) {
      position_[op.get()] = static_cast<int>(order_.size());
      order_.push_back(op.get());
      if (op->body != nullptr) Number(*op->body);
      end_[op.get()] = static_cast<int>(order_.size()) - 1;
    }
  }

  // The planned statements in whose buffers the operand may lie: several for a loop's result.
  std::set<Op*> Owners(const Operand& operand) const {
    std::set<Op*> owners;
    std::set<const Value*> visited;
    CollectOwners(operand.value, &owners, &visited);
    return owners;
  }

  void CollectOwners(const Value* value, std::set<Op*>* owners,
                     std::set<const Value*>* visited) const {
    if (value == nullptr || !visited->insert(value).second) return;
    const Op* def = value->def();
    if (def == nullptr) def = LoopCarrying(value);
    if (def == nullptr) return;  // a parameter
    if (def->opcode() == Opcode::kFor) {
      CollectOwners(def->operand(0).value, owners, visited);
      CollectOwners(def->body->terminator()->operand(0).value, owners, visited);
    } else if (IsView(*def)) {
      CollectOwners(def->operand(0).value, owners, visited);
    } else if (buffers_.count(def) > 0) {
      owners->insert(buffers_.at(def).op);
    }
  }

  const Op* LoopCarrying(const Value* value) const {
    for (const Op* op : order_) {
      if (op->carried.get() == value) return op;
    }
    return nullptr;
  }

  // The buffer is needed when `user` runs: at its place, or until the end of the outermost loop
  // around it that the owner is not in, because the next iteration reads it again.
  void Extend(Op* owner, const Op& user) {
    PlannedBuffer& buffer = buffers_.at(owner);
    int last = position_.at(&user);
    for (const Op* loop = user.parent()->loop(); loop != nullptr; loop = loop->parent()->loop()) {
      const bool owner_inside =
          position_.at(owner) > position_.at(loop) && position_.at(owner) <= end_.at(loop);
      if (owner_inside) break;
      last = std::max(last, end_.at(loop));
    }
    buffer.last = std::max(buffer.last, last);
  }

  absl::Status CannotAlternate(const Op& loop, absl::string_view why) const {
    return absl::UnimplementedError(
        absl::StrCat("@", func_.name, ": %", loop.result()->name, " = for: ", why));
  }

  // Uses reached Extend through the carried value and the loop's result, so what is left is that
  // neither buffer may be used by anything else while the loop runs.
  absl::Status KeepBothBuffers(const Op& loop) {
    const Value* init = loop.operand(0).value;
    Op* init_op = init != nullptr ? init->def() : nullptr;
    const bool is_buffer =
        init_op != nullptr && (buffers_.count(init_op) > 0 || init_op->opcode() == Opcode::kFor);
    if (!is_buffer || init_op->parent() != loop.parent()) {
      return CannotAlternate(loop, "its initial value is not a buffer of the enclosing block");
    }
    // Readers before the loop have read it before it is overwritten; a view would be read later.
    for (const ir::Use& use : init->uses()) {
      if (use.op == &loop) continue;
      if (!ir::IsView(*use.op) && position_.at(use.op) < position_.at(&loop)) continue;
      return CannotAlternate(loop, absl::StrCat("its initial value %", init->name,
                                                " is read elsewhere too, but overwritten here"));
    }
    const Value* yielded = loop.body->terminator()->operand(0).value;
    Op* yield_op = yielded != nullptr ? yielded->def() : nullptr;
    if (yield_op == nullptr || buffers_.count(yield_op) == 0 ||
        yield_op->parent() != loop.body.get()) {
      return CannotAlternate(loop, "what it yields is not computed into a buffer in its body");
    }
    // What an earlier loop has left lies in one of the two that it alternated between.
    std::set<Op*> kept = Owners(loop.operand(0));
    kept.insert(yield_op);
    for (Op* op : kept) {
      PlannedBuffer& buffer = buffers_.at(op);
      buffer.first = std::min(buffer.first, position_.at(&loop));
      buffer.last = std::max(buffer.last, end_.at(&loop));
    }
    return absl::OkStatus();
  }

  MemoryPlan Place() {
    std::vector<PlannedBuffer*> by_size;
    for (Op* op : order_) {
      if (buffers_.count(op) > 0) by_size.push_back(&buffers_.at(op));
    }
    const std::vector<PlannedBuffer*> in_order = by_size;
    std::stable_sort(by_size.begin(), by_size.end(),
                     [](const auto* a, const auto* b) { return a->bytes > b->bytes; });
    std::vector<const PlannedBuffer*> placed;  // by offset
    MemoryPlan plan;
    for (PlannedBuffer* buffer : by_size) {
      buffer->offset = SmallestGap(*buffer, placed);
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), buffer,
                           [](const auto* a, const auto* b) { return a->offset < b->offset; }),
          buffer);
      plan.frame_bytes = std::max(plan.frame_bytes, buffer->offset + Aligned(buffer->bytes));
    }
    for (const PlannedBuffer* buffer : in_order) plan.buffers.push_back(*buffer);
    return plan;
  }

  static int64_t SmallestGap(const PlannedBuffer& buffer,
                             const std::vector<const PlannedBuffer*>& placed) {
    const int64_t bytes = Aligned(buffer.bytes);
    int64_t best = -1;
    int64_t best_gap = 0;
    int64_t free_from = 0;
    for (const PlannedBuffer* other : placed) {
      if (other->last < buffer.first || buffer.last < other->first) continue;
      const int64_t gap = other->offset - free_from;
      if (gap >= bytes && (best < 0 || gap < best_gap)) {
        best = free_from;
        best_gap = gap;
      }
      free_from = std::max(free_from, other->offset + Aligned(other->bytes));
    }
    return best >= 0 ? best : free_from;
  }

  const Func& func_;
  std::vector<Op*> order_;
  std::map<const Op*, int> position_;
  std::map<const Op*, int> end_;  // the last statement of a loop's body; else the statement itself
  std::map<const Op*, PlannedBuffer> buffers_;
};

// More than any function's values need, and far from what 64 bits hold.
constexpr int64_t kMaxFrameBytes = int64_t{1} << 44;

// The statement's own place, which need not be the planned one.
absl::Status CheckPlace(const Op& op) {
  if (!op.frame_offset) {
    return absl::FailedPreconditionError(
        absl::StrCat(PlaceOf(op), ": has no place in the frame; run plan-memory"));
  }
  if (*op.frame_offset >= 0 && *op.frame_offset <= kMaxFrameBytes &&
      *op.frame_offset % ir::kFrameAlignment == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(PlaceOf(op), ": in ", *op.frame_offset,
                                                 " is no place in the frame: a multiple of ",
                                                 ir::kFrameAlignment, " up to ", kMaxFrameBytes));
}

absl::Status CheckPlaces(const std::vector<PlannedBuffer>& buffers) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const PlannedBuffer& late = buffers[i];
    RETURN_IF_ERROR(CheckPlace(*late.op));
    const int64_t begin = *late.op->frame_offset;
    for (size_t j = 0; j < i; ++j) {
      const PlannedBuffer& early = buffers[j];
      if (early.last < late.first || late.last < early.first) continue;
      const int64_t other = *early.op->frame_offset;
      if (begin >= other + early.bytes || other >= begin + late.bytes) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(PlaceOf(*late.op), ": its place, ", late.bytes, " bytes from ", begin,
                       " on, overlaps ", ResultName(*early.op), "'s, ", early.bytes, " bytes from ",
                       other, " on, which is still in use"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MemoryPlan> PlanFunc(const Func& func) { return Planner(func).Plan(); }

absl::Status CheckMemoryPlan(const ir::Module& module) {
  for (const auto& func : module.funcs()) {
    ASSIGN_OR_RETURN(MemoryPlan plan, PlanFunc(*func));
    RETURN_IF_ERROR(CheckPlaces(plan.buffers));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PrintMemoryPlan(const ir::Module& module) {
  std::string text;
  for (const auto& func : module.funcs()) {
    ASSIGN_OR_RETURN(MemoryPlan plan, PlanFunc(*func));
    absl::StrAppend(&text, "@", func->name, ": ", plan.frame_bytes, " bytes\n");
    for (const PlannedBuffer& b : plan.buffers) {
      absl::StrAppend(&text, "  %", b.op->result()->name, " at ", b.offset, ", ", b.bytes,
                      " bytes, statements ", b.first, "..", b.last, "\n");
    }
  }
  return text;
}

namespace {

// Rows of a table, even of a large one's, are less for all tokens of a step. More are copies of whole
// matrices, those of experts, which are not to be made.
constexpr int64_t kMostGatheredBytes = int64_t{1} << 30;

absl::Status CheckGathered(const ir::Module& module) {
  absl::Status status;
  ForEachOp(module, [&](const Op* op) {
    if (!status.ok() || op->opcode() != Opcode::kGather) return;
    const ir::Global* table = op->operand(0).global;
    if (table == nullptr || table->kind == ir::Global::Kind::kState) return;
    const int64_t bytes = MaxByteSize(op->result_type(), module);
    if (bytes <= kMostGatheredBytes) return;
    status = absl::FailedPreconditionError(
        absl::StrCat(PlaceOf(*op), ": gathers ", bytes, " bytes of @", table->name,
                     ", the most is ", kMostGatheredBytes, "; fuse-experts copies no matrices"));
  });
  return status;
}

}  // namespace

absl::StatusOr<bool> PlanMemory::Run(ir::Module* module) {
  RETURN_IF_ERROR(CheckGathered(*module));
  bool changed = false;
  for (const auto& func : module->funcs()) {
    ASSIGN_OR_RETURN(MemoryPlan plan, PlanFunc(*func));
    std::map<const Op*, int64_t> offsets;
    for (const PlannedBuffer& buffer : plan.buffers) offsets[buffer.op] = buffer.offset;
    ForEachOp(func->body, [&](Op* op) {
      std::optional<int64_t> offset;
      if (const auto it = offsets.find(op); it != offsets.end()) offset = it->second;
      changed |= op->frame_offset != offset;
      op->frame_offset = offset;
    });
  }
  return changed;
}

}  // namespace lluda::passes
