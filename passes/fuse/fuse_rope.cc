#include "passes/fuse/fuse_rope.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "passes/fuse/fusion.h"
#include "passes/fuse/matcher.h"
#include "passes/framework/rewrite.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A concat, one of its two sums and a product: fewer than these is no attempt at a rotation.
constexpr int kNearMissOps = 3;

struct Parts {
  Operand x, cos, sin;
  Op* first = nullptr;
  Op* second = nullptr;
};

Pattern RopePattern(Parts* parts) {
  const Pattern x = Any().Capture(&parts->x);
  const Pattern cos = Any().Capture(&parts->cos);
  const Pattern sin = Any().Capture(&parts->sin);
  const auto half = [&](Op** slice) {
    return OpOf(Opcode::kSlice, {x}).WithUses(2).Where(kNotReadAState, ReadsNoState).Capture(slice);
  };
  const Pattern first = half(&parts->first);
  const Pattern second = half(&parts->second);
  const auto product = [](const Pattern& factor, const Pattern& table) {
    return OpOf(Opcode::kMul, {factor, table})
        .Commuted()
        .WithOneUse()
        .Where(kNotReadAState, ReadsNoState);
  };
  const Pattern low = OpOf(Opcode::kSub, {product(first, cos), product(second, sin)}).WithOneUse();
  const Pattern high =
      OpOf(Opcode::kAdd, {product(second, cos), product(first, sin)}).Commuted().WithOneUse();
  return OpOf(Opcode::kConcat, {low, high}).Where(kBeF32, IsF32);
}

std::string ExplainRange(const Op& slice, int64_t begin, int64_t end) {
  if (slice.attrs.begin == begin && slice.attrs.end == end) return "";
  return absl::StrCat("'", slice.result()->name, "' is ", slice.attrs.begin, "..", slice.attrs.end,
                      ", expected the half ", begin, "..", end);
}

// Why the matched statements do not rotate the halves of one axis; "" when they do.
std::string Obstacle(const Op& concat, const Parts& parts) {
  const Op& first = *parts.first;
  const Op& second = *parts.second;
  const std::string& dim = first.attrs.axes[0];
  if (std::string why = ExplainAxes(second, {dim}); !why.empty()) return why;
  const int64_t extent = parts.x.type().GetAxis(dim)->extent.value;
  if (extent % 2 != 0) return absl::StrCat("'", dim, "' has the odd length ", extent);
  if (std::string why = ExplainRange(first, 0, extent / 2); !why.empty()) return why;
  if (std::string why = ExplainRange(second, extent / 2, extent); !why.empty()) return why;
  if (first.attrs.result_axes.size() != 1) {
    return absl::StrCat("'", first.result()->name, "' has more than one axis of pairs");
  }
  const std::string& pair = first.attrs.result_axes[0].name;
  for (const std::string& joined : concat.attrs.axes) {
    if (joined != pair) {
      return absl::StrCat("joined along '", joined, "', expected '", pair, "'");
    }
  }
  if (!parts.cos.type().HasAxis(pair)) {
    return absl::StrCat(OperandText(parts.cos), " has no axis '", pair, "'");
  }
  return "";
}

}  // namespace

absl::StatusOr<bool> FuseRope::Run(ir::Module* module) {
  misses_.clear();
  Parts parts;
  const Pattern pattern = RopePattern(&parts);
  bool changed = false;
  RewriteEachOp(module, [&](Op* concat) {
    const MatchResult match = Match(pattern, concat);
    if (!match) {
      if (match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*concat, match.reason));
      return;
    }
    if (std::string why = Obstacle(*concat, parts); !why.empty()) {
      misses_.push_back(MissAt(*concat, why));
      return;
    }
    Op* low = concat->operand(0).value->def();
    Op* high = concat->operand(1).value->def();
    ir::Attrs attrs;
    attrs.axes = parts.first->attrs.axes;
    attrs.style = ir::RopeStyle::kHalf;
    const auto rope =
        ReplaceOp(concat, Opcode::kRope, {parts.x, parts.cos, parts.sin}, attrs, name());
    if (!rope.ok()) {
      misses_.push_back(MissAt(*concat, std::string(rope.status().message())));
      return;
    }
    EraseDeadChain(low);
    EraseDeadChain(high);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
