#include "passes/fuse/fuse_gelu.h"

#include <string>

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

// Half of a product with one more than a hyperbolic tangent.
constexpr int kNearMissOps = 4;

// The op's number is this one, as the interpreter rounds it.
Pattern By(const Pattern& op, double number) {
  return op.Where(absl::StrCat("be by ", number), [number](const Op& found) {
    return static_cast<float>(*found.attrs.by) == static_cast<float>(number);
  });
}

Pattern GeluPattern(Operand* captured) {
  const Pattern x = Any().Capture(captured);
  const auto inner = [](const Pattern& op) {
    return op.WithOneUse().Where(kNotReadAState, ReadsNoState);
  };
  const auto scaled = [](const Pattern& value, double by) {
    return By(OpOf(Opcode::kScale, {value}), by);
  };
  const Pattern square = inner(OpOf(Opcode::kMul, {x, x}));
  const Pattern cube = inner(OpOf(Opcode::kMul, {square, x}).Commuted());
  const Pattern sum = inner(OpOf(Opcode::kAdd, {x, inner(scaled(cube, ir::kGeluCube))}).Commuted());
  const Pattern turned = inner(OpOf(Opcode::kTanh, {inner(scaled(sum, ir::kGeluScale))}));
  const Pattern share = inner(By(OpOf(Opcode::kOffset, {turned}), 1));
  const Pattern product = inner(OpOf(Opcode::kMul, {x, share}).Commuted());
  return scaled(product, 0.5).Where(kBeF32, IsF32);
}

}  // namespace

absl::StatusOr<bool> FuseGelu::Run(ir::Module* module) {
  misses_.clear();
  Operand x;
  const Pattern pattern = GeluPattern(&x);
  bool changed = false;
  RewriteEachOp(module, [&](Op* half) {
    const MatchResult match = Match(pattern, half);
    if (!match) {
      if (match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*half, match.reason));
      return;
    }
    Op* product = Producer(half->operand(0));
    const auto gelu = ReplaceOp(half, Opcode::kGelu, {x}, {}, name());
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
