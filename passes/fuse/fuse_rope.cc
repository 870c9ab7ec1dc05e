#include "passes/fuse/fuse_rope.h"

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

// A concat, one of its two sums and a product: fewer than these is no attempt at a rotation.
constexpr int kNearMissOps = 3;

struct Parts {
  Operand x, cos, sin;
  Op* first = nullptr;
  Op* second = nullptr;
  Op* rest = nullptr;  // what is behind the rotated elements, if there is anything
};

// Of whole heads, or of their first elements with the others behind them.
enum class Share { kWhole, kPart };

Pattern RopePattern(Share share, Parts* parts) {
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
  std::vector<Pattern> joined = {low, high};
  if (share == Share::kPart) {
    joined.push_back(OpOf(Opcode::kSlice, {x})
                         .WithOneUse()
                         .Where(kNotReadAState, ReadsNoState)
                         .Capture(&parts->rest));
  }
  return OpOf(Opcode::kConcat, std::move(joined)).Where(kBeF32, IsF32);
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
  const int64_t all = parts.x.type().GetAxis(dim)->extent.value;
  const int64_t extent = parts.rest != nullptr ? parts.rest->attrs.begin : all;
  if (parts.rest != nullptr) {
    if (std::string why = ExplainAxes(*parts.rest, {dim}); !why.empty()) return why;
    if (parts.rest->attrs.end != all || parts.rest->attrs.result_axes.size() != 1) {
      return absl::StrCat("'", parts.rest->result()->name, "' is not all that lies behind ", extent,
                          " elements");
    }
  }
  if (extent % 2 != 0) return absl::StrCat("'", dim, "' has the odd length ", extent);
  if (std::string why = ExplainRange(first, 0, extent / 2); !why.empty()) return why;
  if (std::string why = ExplainRange(second, extent / 2, extent); !why.empty()) return why;
  if (first.attrs.result_axes.size() != 1) {
    return absl::StrCat("'", first.result()->name, "' has more than one axis of pairs");
  }
  const std::string& pair = first.attrs.result_axes[0].name;
  const std::vector<std::string>& names = concat.attrs.axes;
  for (size_t i = 0; i < names.size() && i < 2; ++i) {
    if (names[i] != pair) {
      return absl::StrCat("joined along '", names[i], "', expected '", pair, "'");
    }
  }
  if (parts.rest != nullptr && names.back() != parts.rest->attrs.result_axes[0].name) {
    return absl::StrCat("joined along '", names.back(), "', expected '",
                        parts.rest->attrs.result_axes[0].name, "'");
  }
  if (!parts.cos.type().HasAxis(pair)) {
    return absl::StrCat(OperandText(parts.cos), " has no axis '", pair, "'");
  }
  return "";
}

}  // namespace

absl::StatusOr<bool> FuseRope::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* concat) {
    Parts parts;
    const Share share = concat->operand_count() == 3 ? Share::kPart : Share::kWhole;
    const MatchResult match = Match(RopePattern(share, &parts), concat);
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
    if (parts.rest != nullptr) EraseDeadChain(parts.rest);
    changed = true;
  });
  return changed;
}

}  // namespace lluda::passes
