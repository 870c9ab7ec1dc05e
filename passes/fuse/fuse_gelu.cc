#include "passes/fuse/fuse_gelu.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ir/op/gelu.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// Half of a product with one more than a function.
constexpr int kNearMissOps = 4;

// The op's number is this one, as the interpreter rounds it.
Pattern By(const Pattern& op, double number) {
  return op.Where(absl::StrCat("be by ", number), [number](const Op& found) {
    return static_cast<float>(*found.attrs.by) == static_cast<float>(number);
  });
}

Pattern Inner(const Pattern& op) { return op.WithOneUse().Where(kNotReadAState, ReadsNoState); }

Pattern Scaled(const Pattern& value, double by) { return By(OpOf(Opcode::kScale, {value}), by); }

// x / 2 * (1 + turned)
Pattern HalfShare(const Pattern& x, const Pattern& turned) {
  const Pattern share = Inner(By(OpOf(Opcode::kOffset, {turned}), 1));
  const Pattern product = Inner(OpOf(Opcode::kMul, {x, share}).Commuted());
  return Scaled(product, 0.5).Where(kBeF32, IsF32);
}

Pattern TanhPattern(Operand* captured) {
  const Pattern x = Any().Capture(captured);
  const Pattern square = Inner(OpOf(Opcode::kMul, {x, x}));
  const Pattern cube = Inner(OpOf(Opcode::kMul, {square, x}).Commuted());
  const Pattern sum = Inner(OpOf(Opcode::kAdd, {x, Inner(Scaled(cube, ir::kGeluCube))}).Commuted());
  return HalfShare(x, Inner(OpOf(Opcode::kTanh, {Inner(Scaled(sum, ir::kGeluScale))})));
}

Pattern ErfPattern(Operand* captured) {
  const Pattern x = Any().Capture(captured);
  return HalfShare(x, Inner(OpOf(Opcode::kErf, {Inner(Scaled(x, ir::kGeluErfScale))})));
}

}  // namespace

absl::StatusOr<bool> FuseGelu::Run(ir::Module* module) {
  misses_.clear();
  Operand x;
  const std::pair<Pattern, Opcode> forms[] = {{TanhPattern(&x), Opcode::kGelu},
                                              {ErfPattern(&x), Opcode::kGeluErf}};
  bool changed = false;
  RewriteEachOp(module, [&](Op* half) {
    MatchResult furthest;
    std::optional<Opcode> opcode;
    for (const auto& [pattern, fused] : forms) {
      const MatchResult match = Match(pattern, half);
      if (match) opcode = fused;
      if (match || match.ops_matched > furthest.ops_matched) furthest = match;
      if (match) break;
    }
    if (!opcode) {
      if (furthest.ops_matched >= kNearMissOps) {
        misses_.push_back(MissAt(*half, furthest.reason));
      }
      return;
    }
    Op* product = Producer(half->operand(0));
    const auto gelu = ReplaceOp(half, *opcode, {x}, {}, name());
    if (!gelu.ok()) {
      misses_.push_back(MissAt(*half, std::string(gelu.status().message())));
      return;
    }
    EraseDeadChain(product);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
