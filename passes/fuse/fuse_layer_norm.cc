#include "passes/fuse/fuse_layer_norm.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A sum with an rmsnorm of a difference.
constexpr int kNearMissOps = 3;

struct Parts {
  Operand x, weight, bias;
  Op* sum = nullptr;
  Op* mean = nullptr;
  Op* norm = nullptr;
};

Pattern LayerNormPattern(Parts* parts) {
  const Pattern x = Any().Capture(&parts->x);
  const auto inner = [](const Pattern& op) {
    return op.WithOneUse().Where(kNotReadAState, ReadsNoState);
  };
  const Pattern sum = inner(OpOf(Opcode::kReduceSum, {x})).Capture(&parts->sum);
  const Pattern mean = inner(OpOf(Opcode::kScale, {sum})).Capture(&parts->mean);
  const Pattern centred = inner(OpOf(Opcode::kSub, {x, mean}));
  const Pattern norm =
      inner(OpOf(Opcode::kRmsnorm, {centred, Any().Capture(&parts->weight)}).Where(kBeF32, IsF32))
          .Capture(&parts->norm);
  // The bias second: before the norm it would decide the order of the sum's axes.
  return OpOf(Opcode::kAdd, {norm, Any().Capture(&parts->bias)}).Where(kBeF32, IsF32);
}

// Why these are not the parts of a layer norm; "" if they are.
std::string Obstacle(const Parts& parts) {
  const std::string& axis = parts.norm->attrs.axes[0];
  if (std::string why = ExplainAxes(*parts.sum, {axis}); !why.empty()) return why;
  const ir::Axis* normalised = parts.x.type().GetAxis(axis);
  const auto length = static_cast<double>(normalised->extent.value);
  if (!normalised->extent.is_constant() ||
      static_cast<float>(*parts.mean->attrs.by) != static_cast<float>(1.0 / length)) {
    return absl::StrCat("'", parts.mean->result()->name, "' must be by one over the length of '",
                        axis, "'");
  }
  return ExplainType(parts.bias, ir::Type{ir::DType::kF32, {*normalised}, {}});
}

}  // namespace

absl::StatusOr<bool> FuseLayerNorm::Run(ir::Module* module) {
  misses_.clear();
  Parts parts;
  const Pattern pattern = LayerNormPattern(&parts);
  bool changed = false;
  RewriteEachOp(module, [&](Op* add) {
    const MatchResult match = Match(pattern, add);
    std::string why = match ? Obstacle(parts) : match.reason;
    if (!why.empty()) {
      if (match || match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*add, why));
      return;
    }
    ir::Attrs attrs;
    attrs.axes = parts.norm->attrs.axes;
    attrs.eps = parts.norm->attrs.eps;
    Op* norm = parts.norm;
    const auto fused =
        ReplaceOp(add, Opcode::kLayernorm, {parts.x, parts.weight, parts.bias}, attrs, name());
    if (!fused.ok()) {
      misses_.push_back(MissAt(*add, std::string(fused.status().message())));
      return;
    }
    EraseDeadChain(norm);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
