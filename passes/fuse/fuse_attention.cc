#include "passes/fuse/fuse_attention.h"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A product of a softmax with something.
constexpr int kNearMissOps = 2;

// A state: the append that fills it and the gather that reads it.
struct State {
  Op* append = nullptr;
  Op* gather = nullptr;
};

// One of the two caches.
struct Cache {
  State numbers;
  // Where the numbers are integers: their scales, and the product of both.
  State scales;
  Op* product = nullptr;

  // What the matmul reads.
  Op* read() const { return product != nullptr ? product : numbers.gather; }
};

struct Parts {
  Operand q, slots, positions;
  Cache keys, values;
  Op* scores = nullptr;
  Op* scale = nullptr;
  // Of a softcap: the scales before and after its tanh.
  Op* into_cap = nullptr;
  Op* cap = nullptr;
  Op* mask = nullptr;
  Op* softmax = nullptr;
};

Pattern StatePattern(State* state, Parts* parts) {
  const Pattern slots = Any().Capture(&parts->slots);
  const Pattern positions = Any().Capture(&parts->positions);
  const Pattern append =
      OpOf(Opcode::kAppend, {Any(), Any(), slots, positions}).Capture(&state->append);
  return OpOf(Opcode::kGather, {append, slots}).WithOneUse().Capture(&state->gather);
}

// What a cache holds, and how it is read.
enum class Held { kFloats, kIntegers };

// What attention may be written as.
struct Form {
  Held held;
  bool softcap;
};
constexpr Form kForms[] = {{Held::kFloats, false},
                           {Held::kIntegers, false},
                           {Held::kFloats, true},
                           {Held::kIntegers, true}};

Pattern CachePattern(Held held, Cache* cache, Parts* parts) {
  const Pattern numbers = StatePattern(&cache->numbers, parts);
  if (held == Held::kFloats) return numbers;
  const Pattern wide = OpOf(Opcode::kCast, {numbers}).WithOneUse().Where(kBeF32, IsF32);
  return OpOf(Opcode::kMul, {wide, StatePattern(&cache->scales, parts)})
      .Commuted()
      .WithOneUse()
      .Capture(&cache->product);
}

Pattern AttentionPattern(const Form& form, Parts* parts) {
  const Held held = form.held;
  const auto plain = [](const Pattern& op) {
    return op.Where(kHaveNoEpilogue, HasNoEpilogue).Where(kBeF32, IsF32);
  };
  const Pattern q = Any().Capture(&parts->q);
  const Pattern scores = plain(OpOf(Opcode::kMatmul, {q, CachePattern(held, &parts->keys, parts)}))
                             .Where(kNotReadAState, ReadsNoState)
                             .WithOneUse()
                             .Capture(&parts->scores);
  const auto scale = [](const Pattern& x, Op** op) {
    return OpOf(Opcode::kScale, {x}).WithOneUse().Capture(op);
  };
  Pattern scaled = scale(scores, &parts->scale);
  if (form.softcap) {
    const Pattern inner = scale(scaled, &parts->into_cap);
    scaled = scale(OpOf(Opcode::kTanh, {inner}).WithOneUse(), &parts->cap);
  }
  const Pattern masked = OpOf(Opcode::kCausalMask, {scaled, Any().Capture(&parts->positions)})
                             .WithOneUse()
                             .Capture(&parts->mask);
  const Pattern softmax =
      OpOf(Opcode::kSoftmax, {masked}).WithOneUse().Where(kBeF32, IsF32).Capture(&parts->softmax);
  return plain(OpOf(Opcode::kMatmul, {softmax, CachePattern(held, &parts->values, parts)}));
}

// A statement between the append and `result` that may write the same state once more; nullptr when
// there is none. Fusing reads the state later than the gather did.
const Op* LaterWrite(const Op& append, const Op& result) {
  bool after_append = false;
  for (const auto& op : result.parent()->ops()) {
    if (op.get() == &result) break;
    if (after_append && HasEffect(*op)) {
      const bool other_state =
          Appends(*op) && op->operand(AppendedOperand(*op)).global != append.operand(0).global;
      if (!other_state) return op.get();
    }
    after_append |= op.get() == &append;
  }
  return nullptr;
}

std::string StateObstacle(const State& state, const std::string& slot, const std::string& pos,
                          const Op& result) {
  if (std::string why = ExplainAxes(*state.append, {slot, pos}); !why.empty()) return why;
  if (std::string why = ExplainAxes(*state.gather, {slot}); !why.empty()) return why;
  if (const Op* write = LaterWrite(*state.append, result)) {
    return absl::StrCat("'", StatementName(*write), "' may write the state of '",
                        state.append->result()->name, "' again");
  }
  return "";
}

// Why the matched statements are not attention over the appended states; "" when they are.
std::string Obstacle(const Op& result, const Parts& parts) {
  const std::string slot = parts.keys.numbers.append->attrs.axes[0];
  const std::string pos = parts.keys.numbers.append->attrs.axes[1];
  for (const Op* op : std::initializer_list<const Op*>{parts.mask, parts.softmax, &result}) {
    if (std::string why = ExplainAxes(*op, {pos}); !why.empty()) return why;
  }
  if (parts.cap != nullptr && *parts.into_cap->attrs.by != 1 / *parts.cap->attrs.by) {
    return absl::StrCat("'", StatementName(*parts.into_cap), "' scales by ",
                        AttrValueText(parts.into_cap->attrs, ir::AttrKey::kBy), ", expected 1 / ",
                        AttrValueText(parts.cap->attrs, ir::AttrKey::kBy));
  }
  const std::string& dim = parts.scores->attrs.axes[0];
  if (std::string why = ExplainAxes(*parts.scores, {dim}); !why.empty()) return why;
  for (const Cache* cache : {&parts.keys, &parts.values}) {
    for (const State* state : {&cache->numbers, &cache->scales}) {
      if (state->append == nullptr) continue;
      if (std::string why = StateObstacle(*state, slot, pos, result); !why.empty()) return why;
    }
  }
  for (const std::string& axis : {slot, pos}) {
    if (parts.q.type().HasAxis(axis)) {
      return absl::StrCat(OperandText(parts.q), " has the state's axis '", axis, "'");
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<bool> FuseAttention::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* result) {
    Parts parts;
    MatchResult match;
    for (const Form& form : kForms) {
      const MatchResult other = Match(AttentionPattern(form, &parts), result);
      if (other || other.ops_matched > match.ops_matched) match = other;
      if (match) break;
    }
    if (!match) {
      if (match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*result, match.reason));
      return;
    }
    if (std::string why = Obstacle(*result, parts); !why.empty()) {
      misses_.push_back(MissAt(*result, why));
      return;
    }
    ir::Attrs attrs;
    attrs.axes = parts.keys.numbers.append->attrs.axes;
    attrs.axes.push_back(parts.scores->attrs.axes[0]);
    attrs.scale = parts.scale->attrs.by;
    attrs.mask = ir::Mask::kCausal;
    attrs.window = parts.mask->attrs.window;
    if (parts.cap != nullptr) attrs.softcap = parts.cap->attrs.by;
    std::vector<Operand> operands = {parts.q, parts.keys.numbers.append->result(),
                                     parts.values.numbers.append->result(), parts.positions,
                                     parts.slots};
    if (parts.keys.scales.append != nullptr) {
      operands.emplace_back(parts.keys.scales.append->result());
      operands.emplace_back(parts.values.scales.append->result());
    }
    const auto attention =
        ReplaceOp(result, Opcode::kAttention, std::move(operands), attrs, name());
    if (!attention.ok()) {
      misses_.push_back(MissAt(*result, std::string(attention.status().message())));
      return;
    }
    EraseDeadChain(parts.softmax);
    EraseDeadChain(parts.values.read());
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
