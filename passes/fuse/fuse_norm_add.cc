#include "passes/fuse/fuse_norm_add.h"

#include <string>

#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Op;
using ir::Opcode;
using ir::Operand;

// A sum with an rmsnorm.
constexpr int kNearMissOps = 2;

}  // namespace

absl::StatusOr<bool> FuseNormAdd::Run(ir::Module* module) {
  misses_.clear();
  Operand x, weight, added;
  Op* norm = nullptr;
  const Pattern normalised = OpOf(Opcode::kRmsnorm, {Any().Capture(&x), Any().Capture(&weight)})
                                 .WithOneUse()
                                 .Where(kBeF32, IsF32)
                                 .Where(kNotReadAState, ReadsNoState)
                                 .Capture(&norm);
  const Pattern pattern = OpOf(Opcode::kAdd, {Any().Capture(&added), normalised}).Commuted();
  bool changed = false;
  RewriteEachOp(module, [&](Op* add) {
    const MatchResult match = Match(pattern, add);
    std::string why = match ? ExplainType(added, norm->result_type()) : match.reason;
    if (match && why.empty()) {
      ir::Attrs attrs;
      attrs.axes = norm->attrs.axes;
      attrs.eps = norm->attrs.eps;
      const auto fused = ReplaceOp(add, Opcode::kRmsnormAdd, {x, weight, added}, attrs, name());
      if (fused.ok()) {
        EraseDeadChain(norm);
        changed = true;
        return;
      }
      why = std::string(fused.status().message());
    }
    if (match || match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*add, why));
  });
  return changed;
}

}  // namespace lluda::passes
