#include "passes/place/ring_caches.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "machine/tiles.h"
#include "passes/framework/rewrite.h"
#include "passes/place/load_block.h"

namespace lluda::passes {
namespace {

using ir::Extent;
using ir::Global;
using ir::Module;
using ir::Op;
using ir::Opcode;

// Caches that attentions read together, what appends to them and what reads them.
struct Group {
  std::vector<Global*> caches;
  std::vector<Op*> appends;
  std::vector<Op*> attentions;
  std::string obstacle;  // why they are no ring; "" if nothing is in the way
};

template <typename T>
bool AddOnce(T* item, std::vector<T*>* items) {
  if (std::find(items->begin(), items->end(), item) != items->end()) return false;
  items->push_back(item);
  return true;
}

// An attention's operands that are states: keys, values, and the scales of both.
std::vector<ir::Operand> CachesOf(const Op& attention) {
  std::vector<ir::Operand> caches;
  for (int i = 1; i < attention.operand_count(); ++i) {
    const bool is_cache = i != 3 && i != 4;  // positions and slots
    if (is_cache) caches.push_back(attention.operand(i));
  }
  return caches;
}

// The state that the operand is after an append; null where it is anything else.
Global* AppendedState(const ir::Operand& operand) {
  const Op* append = operand.value != nullptr ? operand.value->def() : nullptr;
  if (append == nullptr || !ir::Appends(*append)) return nullptr;
  return append->operand(ir::AppendedOperand(*append)).global;
}

class Grouper {
 public:
  explicit Grouper(const Module& module) : module_(module) {}

  // All that belongs together with this attention.
  Group GroupOf(Op* attention) {
    group_ = {};
    AddAttention(attention);
    return std::move(group_);
  }

 private:
  void AddAttention(Op* attention) {
    if (!AddOnce(attention, &group_.attentions)) return;
    for (const ir::Operand& cache : CachesOf(*attention)) {
      Global* state = AppendedState(cache);
      if (state == nullptr) {
        group_.obstacle =
            absl::StrCat("'", StatementName(*attention), "' reads what no append made");
      } else {
        AddCache(state);
      }
    }
  }

  void AddCache(Global* state) {
    if (!AddOnce(state, &group_.caches)) return;
    for (const ir::Use& use : FindReaders(module_, state)) {
      if (use.operand != ir::AppendedOperand(*use.op)) {
        group_.obstacle = absl::StrCat("'", StatementName(*use.op), "' reads @", state->name);
        continue;
      }
      AddOnce(use.op, &group_.appends);
      for (const ir::Use& reader : use.op->result()->uses()) {
        if (reader.op->opcode() == Opcode::kAttention) {
          AddAttention(reader.op);
        } else {
          group_.obstacle =
              absl::StrCat("@", state->name, " is also read by '", StatementName(*reader.op), "'");
        }
      }
    }
  }

  const Module& module_;
  Group group_;
};

int64_t MostOf(const Extent& extent, const Module& module) {
  return extent.is_constant() ? extent.value : module.FindSymbol(extent.symbol)->max;
}

// The most positions that a step appends.
int64_t MostTokens(const Op& attention, const Module& module) {
  int64_t tokens = 1;
  for (const ir::Axis& axis : attention.operand(3).type().axes) {
    tokens *= MostOf(axis.extent, module);
  }
  return tokens;
}

const std::string& PositionAxis(const Op& attention) { return attention.attrs.axes[1]; }

// The ring's positions. Nothing where it is not shorter, or there is an obstacle, which is noted.
std::optional<int64_t> RingOf(const Module& module, Group* group) {
  int64_t seen = 0;
  for (const Op* attention : group->attentions) {
    if (!attention->attrs.window) {
      group->obstacle = absl::StrCat("'", StatementName(*attention), "' sees all positions");
      return std::nullopt;
    }
    seen = std::max(seen, *attention->attrs.window + MostTokens(*attention, module) - 1);
  }
  if (!group->obstacle.empty()) return std::nullopt;
  const int64_t ring = base::RoundUp(seen, machine::kCacheSection);
  for (const Global* state : group->caches) {
    const Extent& positions = state->type.GetAxis(PositionAxis(*group->attentions[0]))->extent;
    if (positions.is_constant() || MostOf(positions, module) <= ring) return std::nullopt;
  }
  return ring;
}

void MakeRing(const Group& group, int64_t ring) {
  const std::string& positions = PositionAxis(*group.attentions[0]);
  for (Global* state : group.caches) {
    state->type.axes[state->type.FindAxis(positions)].extent = Extent::Constant(ring);
  }
  for (Op* append : group.appends) {
    append->attrs.ring = ring;
    append->result()->type = append->operand(ir::AppendedOperand(*append)).global->type;
  }
  for (Op* attention : group.attentions) attention->attrs.ring = ring;
}

}  // namespace

absl::StatusOr<bool> RingCaches::Run(Module* module) {
  misses_.clear();
  bool changed = false;
  std::vector<Op*> done;
  std::vector<Op*> windows;
  ForEachOp(*module, [&](Op* op) {
    if (op->opcode() == Opcode::kAttention && op->attrs.window) windows.push_back(op);
  });
  for (Op* attention : windows) {
    if (std::find(done.begin(), done.end(), attention) != done.end()) continue;
    Group group = Grouper(*module).GroupOf(attention);
    done.insert(done.end(), group.attentions.begin(), group.attentions.end());
    if (const std::optional<int64_t> ring = RingOf(*module, &group)) {
      MakeRing(group, *ring);
      changed = true;
    } else if (!group.obstacle.empty()) {
      misses_.push_back(
          {FuncName(*attention->parent()), StatementName(*attention), group.obstacle});
    }
  }
  return changed;
}

}  // namespace lluda::passes
