#include "passes/fuse/fuse_softmax.h"

#include <string>

#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A quotient of an exponential.
constexpr int kNearMissOps = 2;

struct Parts {
  Operand x;
  Op* exponential = nullptr;
  Op* maximum = nullptr;
  Op* sum = nullptr;
};

Pattern SoftmaxPattern(Parts* parts) {
  const Pattern x = Any().Capture(&parts->x);
  const Pattern maximum = OpOf(Opcode::kReduceMax, {x})
                              .WithOneUse()
                              .Where(kNotReadAState, ReadsNoState)
                              .Capture(&parts->maximum);
  const Pattern shifted = OpOf(Opcode::kSub, {x, maximum}).WithOneUse();
  const Pattern exponential =
      OpOf(Opcode::kExp, {shifted}).WithUses(2).Capture(&parts->exponential);
  const Pattern sum = OpOf(Opcode::kReduceSum, {exponential}).WithOneUse().Capture(&parts->sum);
  return OpOf(Opcode::kDiv, {exponential, sum}).Where(kBeF32, IsF32);
}

}  // namespace

absl::StatusOr<bool> FuseSoftmax::Run(ir::Module* module) {
  misses_.clear();
  Parts parts;
  const Pattern pattern = SoftmaxPattern(&parts);
  bool changed = false;
  RewriteEachOp(module, [&](Op* quotient) {
    const MatchResult match = Match(pattern, quotient);
    if (!match) {
      if (match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*quotient, match.reason));
      return;
    }
    if (std::string why = ExplainAxes(*parts.sum, parts.maximum->attrs.axes); !why.empty()) {
      misses_.push_back(MissAt(*quotient, why));
      return;
    }
    ir::Attrs attrs;
    attrs.axes = parts.maximum->attrs.axes;
    Op* sum = parts.sum;
    const auto softmax = ReplaceOp(quotient, Opcode::kSoftmax, {parts.x}, attrs, name());
    if (!softmax.ok()) {
      misses_.push_back(MissAt(*quotient, std::string(softmax.status().message())));
      return;
    }
    EraseDeadChain(sum);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
