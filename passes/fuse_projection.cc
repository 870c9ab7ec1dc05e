#include "passes/fuse_projection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "machine/tiles.h"
#include "passes/fusion.h"
#include "passes/matcher.h"
#include "passes/rewrite.h"

namespace lluda::passes {
namespace {

using ir::Epilogue;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// A rope, a norm and the split below it.
constexpr int kNearMissOps = 3;

// What leads to an append, from the matmul on; those that are not there are null.
struct Appended {
  Op* matmul = nullptr;
  Op* split = nullptr;
  Op* cast = nullptr;

  // Whether it is what this pass is about.
  bool IsProjection() const {
    if (matmul == nullptr) return false;
    const Epilogue epilogue = matmul->attrs.epilogue;
    return split != nullptr ? epilogue == Epilogue::kNone : epilogue == Epilogue::kNormRope;
  }
};

// Steps over an op of this kind, which is returned.
Op* Skip(Opcode opcode, const Operand** operand) {
  Op* op = Producer(**operand);
  if (op == nullptr || op->opcode() != opcode) return nullptr;
  *operand = &op->operand(0);
  return op;
}

Appended FindAppended(const Op& append) {
  Appended appended;
  const Operand* operand = &append.operand(1);
  appended.cast = Skip(Opcode::kCast, &operand);
  appended.split = Skip(Opcode::kSplit, &operand);
  appended.matmul = Skip(Opcode::kMatmul, &operand);
  return appended;
}

std::string ChainObstacle(const Op& append, const Appended& appended) {
  for (const Op* op : {appended.cast, appended.split, appended.matmul}) {
    if (op == nullptr) continue;
    if (std::string why = ExplainUses(*op, 1); !why.empty()) return why;
    if (op->parent() != append.parent()) {
      return absl::StrCat("'", StatementName(*op), "' stands in another block");
    }
  }
  const Op& matmul = *appended.matmul;
  if (ReadsState(matmul)) {
    return absl::StrCat("'", StatementName(matmul), "' must ", kNotReadAState);
  }
  if (appended.cast == nullptr) return "";
  if (!IsF32(matmul)) {
    return absl::StrCat("'", StatementName(matmul), "' is ", DTypeName(matmul.result_type().dtype),
                        " already");
  }
  if (IsFloat(*appended.cast->attrs.out)) return "";
  return absl::StrCat("'", StatementName(*appended.cast), "' is ",
                      DTypeName(*appended.cast->attrs.out));
}

}  // namespace

std::string FuseProjection::HeadsObstacle(const Op& split, const Op& matmul) const {
  const std::string& columns = split.attrs.axes[0];
  if (matmul.operand(0).type().HasAxis(columns)) {
    return absl::StrCat("'", columns, "' is no axis of columns of '", StatementName(matmul), "'");
  }
  const ir::Axis& dim = split.attrs.result_axes.back();
  if (dim.extent.value % machine::kPanelRows == 0) return "";
  return absl::StrCat("'", dim.name, "' has ", dim.extent.value,
                      " elements, which fill no panels of ", machine::kPanelRows);
}

bool FuseProjection::Replace(Op* op, Op* chain, std::vector<Operand> operands, ir::Attrs attrs) {
  const auto fused = ReplaceOp(op, Opcode::kMatmul, std::move(operands), std::move(attrs), name());
  if (!fused.ok()) {
    misses_.push_back(MissAt(*op, std::string(fused.status().message())));
    return false;
  }
  EraseDeadChain(chain);
  return true;
}

bool FuseProjection::FuseNormRope(Op* rope) {
  Operand a, b, weight, cos, sin;
  Op* matmul = nullptr;
  Op* split = nullptr;
  Op* norm = nullptr;
  const Pattern heads = OpOf(Opcode::kSplit, {PlainMatmul(&a, &b).WithOneUse().Capture(&matmul)})
                            .WithOneUse()
                            .Capture(&split);
  const Pattern normed = OpOf(Opcode::kRmsnorm, {heads, Any().Capture(&weight)})
                             .WithOneUse()
                             .Where(kBeF32, IsF32)
                             .Where(kNotReadAState, ReadsNoState)
                             .Capture(&norm);
  const Pattern pattern = OpOf(Opcode::kRope, {normed, Any().Capture(&cos), Any().Capture(&sin)});
  const MatchResult match = Match(pattern, rope);
  if (!match) {
    if (match.ops_matched >= kNearMissOps) misses_.push_back(MissAt(*rope, match.reason));
    return false;
  }
  std::string why = HeadsObstacle(*split, *matmul);
  const std::string& dim = split->attrs.result_axes.back().name;
  for (const Op* op : {norm, rope}) {
    if (why.empty()) why = ExplainAxes(*op, {dim});
  }
  if (!why.empty()) {
    misses_.push_back(MissAt(*rope, why));
    return false;
  }
  ir::Attrs attrs;
  attrs.axes = matmul->attrs.axes;
  attrs.result_axes = split->attrs.result_axes;
  attrs.epilogue = Epilogue::kNormRope;
  attrs.eps = norm->attrs.eps;
  attrs.style = rope->attrs.style;
  attrs.out = rope->attrs.out;
  return Replace(rope, norm, {a, b, weight, cos, sin}, attrs);
}

bool FuseProjection::FuseAppend(Op* append) {
  const Appended appended = FindAppended(*append);
  if (!appended.IsProjection()) return false;
  const Op& matmul = *appended.matmul;
  ir::Attrs attrs = matmul.attrs;
  std::string why = ChainObstacle(*append, appended);
  if (why.empty() && appended.split != nullptr) {
    why = HeadsObstacle(*appended.split, matmul);
    attrs.result_axes = appended.split->attrs.result_axes;
  }
  for (const std::string& axis : append->attrs.axes) {
    if (why.empty() && std::find(attrs.axes.begin(), attrs.axes.end(), axis) != attrs.axes.end()) {
      why = absl::StrCat("'", axis, "' is an axis of the state, and contracted");
    }
  }
  if (!why.empty()) {
    misses_.push_back(MissAt(*append, why));
    return false;
  }
  attrs.epilogue = appended.split != nullptr ? Epilogue::kAppend : Epilogue::kNormRopeAppend;
  attrs.axes.insert(attrs.axes.end(), append->attrs.axes.begin(), append->attrs.axes.end());
  if (appended.cast != nullptr) attrs.out = appended.cast->attrs.out;
  std::vector<Operand> operands = matmul.operands();
  for (const int i : {0, 2, 3}) operands.push_back(append->operand(i));
  Op* last = Producer(append->operand(1));
  return Replace(append, last, std::move(operands), std::move(attrs));
}

absl::StatusOr<bool> FuseProjection::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* op) {
    if (op->opcode() == Opcode::kRope) changed |= FuseNormRope(op);
    if (op->opcode() == Opcode::kAppend) changed |= FuseAppend(op);
  });
  return changed;
}

}  // namespace lluda::passes
