#include "passes/fuse/fuse_projection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "machine/gpu_tiles.h"
#include "machine/tiles.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::Epilogue;
using ir::EpilogueStep;
using ir::Op;
using ir::Opcode;
using ir::Operand;

// What leads to a step, from the matmul on; those that are not there are null.
struct Chain {
  Op* matmul = nullptr;
  Op* bias = nullptr;  // the sum with it
  int added = 0;       // the operand of `bias` that is not the matmul
  Op* split = nullptr;
  Op* cast = nullptr;

  // Whether it is what this pass is about.
  bool IsProjection() const {
    return matmul != nullptr && (split != nullptr) != matmul->attrs.epilogue.per_head();
  }
  // The steps before the one that it leads to.
  Epilogue Steps() const {
    const Epilogue& own = matmul->attrs.epilogue;
    return bias != nullptr ? own.With(EpilogueStep::kBias) : own;
  }
};

// Steps over an op of this kind, which is returned.
Op* Skip(Opcode opcode, const Operand** operand) {
  Op* op = Producer(**operand);
  if (op == nullptr || op->opcode() != opcode) return nullptr;
  *operand = &op->operand(0);
  return op;
}

bool IsMatmul(const Operand& operand) {
  const Op* op = Producer(operand);
  return op != nullptr && op->opcode() == Opcode::kMatmul;
}

Chain FindChain(const ir::StepInfo& step, const Op& op) {
  Chain chain;
  const Operand* operand = &op.operand(step.value);
  if (Appends(op)) chain.cast = Skip(Opcode::kCast, &operand);
  chain.split = Skip(Opcode::kSplit, &operand);
  if (chain.split != nullptr) chain.bias = Skip(Opcode::kAdd, &operand);
  if (chain.bias != nullptr) {
    chain.added = IsMatmul(chain.bias->operand(0)) ? 1 : 0;
    operand = &chain.bias->operand(1 - chain.added);
  }
  chain.matmul = Skip(Opcode::kMatmul, &operand);
  return chain;
}

// Why the chain's sum is not one of the matmul's columns with a vector; "" when it is.
std::string BiasObstacle(const Chain& chain) {
  if (chain.bias == nullptr) return "";
  if (!IsF32(*chain.matmul)) {
    return absl::StrCat("'", StatementName(*chain.matmul), "' must ", kBeF32);
  }
  const ir::Type columns{ir::DType::kF32, ColumnsOf(*chain.matmul), {}};
  if (std::string why = ExplainType(chain.bias->operand(chain.added), columns); !why.empty()) {
    return why;
  }
  return ExplainType(chain.bias->result(), chain.matmul->result_type());
}

// Why the elements do not come to the op as f32, or as what the matmul rounded them to for an
// append; "" when they do.
std::string RoundingObstacle(const Op& op, const Chain& chain) {
  const Op& matmul = *chain.matmul;
  if (chain.cast == nullptr) {
    if (Appends(op) || IsF32(matmul)) return "";
    return absl::StrCat("'", StatementName(matmul), "' must ", kBeF32);
  }
  if (!IsF32(matmul)) {
    return absl::StrCat("'", StatementName(matmul), "' is ", DTypeName(matmul.result_type().dtype),
                        " already");
  }
  if (IsFloat(*chain.cast->attrs.out)) return "";
  return absl::StrCat("'", StatementName(*chain.cast), "' is ", DTypeName(*chain.cast->attrs.out));
}

// Why the op does not act along a head, or an append along the state's axes.
std::string AxesObstacle(const Op& op, const Op& matmul, const std::string& dim) {
  if (!Appends(op)) return ExplainAxes(op, {dim});
  for (const std::string& axis : op.attrs.axes) {
    if (axis != matmul.attrs.axes[0]) continue;
    return absl::StrCat("'", axis, "' is an axis of the state, and contracted");
  }
  return "";
}

// Why the split does not make heads of the matmul's columns; "" when it does.
std::string HeadsObstacle(const Op& split, const Op& matmul) {
  const std::string& columns = split.attrs.axes[0];
  if (matmul.operand(0).type().HasAxis(columns)) {
    return absl::StrCat("'", columns, "' is no axis of columns of '", StatementName(matmul), "'");
  }
  const ir::Axis& dim = split.attrs.result_axes.back();
  if (dim.extent.value % machine::kPanelRows == 0) return "";
  return absl::StrCat("'", dim.name, "' has ", dim.extent.value,
                      " elements, which fill no panels of ", machine::kPanelRows);
}

// Why the chain and `op`, which the step stands for, cannot become one matmul; "" when they can.
std::string Obstacle(const ir::StepInfo& step, const Op& op, const Chain& chain) {
  for (const Op* between : {chain.cast, chain.split, chain.bias, chain.matmul}) {
    if (between == nullptr) continue;
    if (std::string why = ExplainUses(*between, 1); !why.empty()) return why;
    if (between->parent() != op.parent()) {
      return absl::StrCat("'", StatementName(*between), "' stands in another block");
    }
    if (ReadsState(*between)) {
      return absl::StrCat("'", StatementName(*between), "' must ", kNotReadAState);
    }
  }
  const Op& matmul = *chain.matmul;
  if (chain.bias != nullptr && !matmul.attrs.epilogue.Takes(EpilogueStep::kBias)) {
    return ExplainEpilogue(matmul, Info(EpilogueStep::kBias));
  }
  if (!chain.Steps().Takes(step.step)) return ExplainEpilogue(matmul, step);
  if (std::string why = BiasObstacle(chain); !why.empty()) return why;
  if (std::string why = RoundingObstacle(op, chain); !why.empty()) return why;
  if (chain.split != nullptr) {
    if (std::string why = HeadsObstacle(*chain.split, matmul); !why.empty()) return why;
  }
  const ir::Attrs& heads = (chain.split != nullptr ? chain.split : chain.matmul)->attrs;
  return AxesObstacle(op, matmul, heads.result_axes.back().name);
}

// A GPU shares a head's columns between blocks where tensor cores multiply, and nowhere else: then a
// head would be work for one block, and there are too few of them. Weights in blocks are still read
// through a dequantize, which fuse-dequantize takes away later.
bool EndsInHeadsOnGpu(const Chain& chain) {
  const Op& matmul = *chain.matmul;
  if (matmul.attrs.axes.empty()) return false;
  const Op* decoded = Producer(matmul.operand(1));
  const bool is_encoded = decoded != nullptr && decoded->opcode() == Opcode::kDequantize;
  const ir::Type& b = (is_encoded ? decoded->operand(0) : matmul.operand(1)).type();
  const int depth = b.FindAxis(matmul.attrs.axes[0]);
  if (depth < 0 || !b.axes[depth].extent.is_constant()) return false;
  const ir::Attrs& heads = (chain.split != nullptr ? chain.split : chain.matmul)->attrs;
  return machine::HasTensorProduct(matmul.operand(0).type().dtype, b.dtype,
                                   b.axes[depth].extent.value,
                                   heads.result_axes.back().extent.value);
}

}  // namespace

bool FuseProjection::Fuse(const ir::StepInfo& step, Op* op) {
  const Chain chain = FindChain(step, *op);
  if (!chain.IsProjection()) return false;
  if (device_ == machine::DeviceKind::kGpu && !EndsInHeadsOnGpu(chain)) return false;
  if (std::string why = Obstacle(step, *op, chain); !why.empty()) {
    misses_.push_back(MissAt(*op, std::move(why)));
    return false;
  }
  ir::Attrs attrs = chain.matmul->attrs;
  std::vector<Operand> operands = chain.matmul->operands();
  if (chain.split != nullptr) attrs.result_axes = chain.split->attrs.result_axes;
  if (chain.bias != nullptr) operands.push_back(chain.bias->operand(chain.added));
  attrs.epilogue = chain.Steps().With(step.step);
  for (int i = 0; i < op->operand_count(); ++i) {
    if (i != step.value) operands.push_back(op->operand(i));
  }
  if (op->attrs.eps) attrs.eps = op->attrs.eps;
  if (op->attrs.style != ir::RopeStyle::kNone) attrs.style = op->attrs.style;
  if (op->attrs.out) attrs.out = op->attrs.out;
  if (chain.cast != nullptr) attrs.out = chain.cast->attrs.out;
  if (Appends(*op)) {
    attrs.axes.insert(attrs.axes.end(), op->attrs.axes.begin(), op->attrs.axes.end());
  }
  Op* last = Producer(op->operand(step.value));
  const auto fused = ReplaceOp(op, Opcode::kMatmul, std::move(operands), std::move(attrs), name());
  if (!fused.ok()) {
    misses_.push_back(MissAt(*op, std::string(fused.status().message())));
    return false;
  }
  EraseDeadChain(last);
  return true;
}

absl::StatusOr<bool> FuseProjection::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* op) {
    for (const ir::StepInfo& step : ir::AllSteps()) {
      if (step.grain != ir::Grain::kHeads || step.opcode != op->opcode()) continue;
      changed |= Fuse(step, op);
      return;
    }
  });
  return changed;
}

}  // namespace lluda::passes
