#include "passes/fuse/fuse_epilogue.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "ir/infer/infer.h"
#include "passes/framework/rewrite.h"
#include "passes/fuse/match/fusion.h"
#include "passes/fuse/match/matcher.h"

namespace lluda::passes {
namespace {

using ir::DType;
using ir::EpilogueStep;
using ir::Op;
using ir::Opcode;
using ir::Operand;
using ir::Type;
using ir::Value;

// A sum with a matmul.
constexpr int kNearMissAddOps = 2;
// A function of a matmul.
constexpr int kNearMissFunctionOps = 2;
// A product of a gate's function and the slice below it.
constexpr int kNearMissGatedOps = 3;

// The function that a gate goes through, and the step that it becomes with the product.
struct GateRow {
  Opcode function;
  EpilogueStep step;
};
constexpr GateRow kGates[] = {{Opcode::kGelu, EpilogueStep::kGeluMul},
                              {Opcode::kSilu, EpilogueStep::kSiluMul}};

struct GatedParts {
  Op* matmul = nullptr;
  Op* function = nullptr;
  Op* gate = nullptr;
  Op* up = nullptr;
};

// Which kind of matmul a slice that the product reads is one of.
Opcode SlicedMatmul(const Op& mul) {
  for (const Operand& factor : mul.operands()) {
    const Op* slice = Producer(factor);
    const bool is_slice = slice != nullptr && slice->opcode() == Opcode::kSlice;
    const Op* sliced = is_slice ? Producer(slice->operand(0)) : nullptr;
    if (sliced != nullptr && sliced->opcode() == Opcode::kExpertMatmul) {
      return Opcode::kExpertMatmul;
    }
  }
  return Opcode::kMatmul;
}

// Why the slices are not the two halves of the matmul's columns, gate first; "" when they are.
std::string GatedObstacle(const GatedParts& parts) {
  const ir::Attrs& gate = parts.gate->attrs;
  if (std::string why = ExplainAxes(*parts.up, gate.axes); !why.empty()) return why;
  const std::string& columns = gate.axes[0];
  if (parts.matmul->operand(0).type().HasAxis(columns)) {
    return absl::StrCat("'", columns, "' is no axis of columns of '", parts.matmul->result()->name,
                        "'");
  }
  const int64_t extent = parts.matmul->result_type().GetAxis(columns)->extent.value;
  const std::pair<const Op*, int64_t> halves[] = {{parts.gate, 0}, {parts.up, extent / 2}};
  for (const auto& [slice, begin] : halves) {
    const int64_t end = begin + extent / 2;
    if (slice->attrs.begin == begin && slice->attrs.end == end) continue;
    return absl::StrCat("'", slice->result()->name, "' is ", slice->attrs.begin, "..",
                        slice->attrs.end, ", expected ", begin, "..", end);
  }
  return "";
}

// Ops that pass elements on as they are: rounding before or after them is the same.
bool PassesElementsOn(const Op& op) {
  return op.opcode() == Opcode::kMerge || op.opcode() == Opcode::kSplit ||
         op.opcode() == Opcode::kSlice;
}

bool CanRound(const Op& op) {
  // The dtype of what is appended is the state's.
  return op.opcode() != Opcode::kCast && !Appends(op) && IsFloat(op.result_type().dtype) &&
         (Info(op.opcode()).keys & KeyBit(ir::AttrKey::kOut)) != 0;
}

}  // namespace

bool FuseEpilogue::FuseStep(EpilogueStep step, Op* op, const Op& matmul, std::vector<Operand> added,
                            std::vector<ir::Axis> result_axes) {
  ir::Attrs attrs = matmul.attrs;
  attrs.epilogue = attrs.epilogue.With(step);
  attrs.result_axes = std::move(result_axes);
  std::vector<Operand> operands = matmul.operands();
  operands.insert(operands.end(), added.begin(), added.end());
  const auto fused = ReplaceOp(op, matmul.opcode(), std::move(operands), std::move(attrs), name());
  if (fused.ok()) return true;
  misses_.push_back(MissAt(*op, std::string(fused.status().message())));
  return false;
}

bool FuseEpilogue::FuseAdd(Op* add) {
  Operand added;
  Op* matmul = nullptr;
  const Pattern pattern =
      OpOf(Opcode::kAdd,
           {Any().Capture(&added), MatmulBefore(EpilogueStep::kAdd).WithOneUse().Capture(&matmul)})
          .Commuted();
  const MatchResult match = Match(pattern, add);
  if (!match) {
    if (match.ops_matched >= kNearMissAddOps) misses_.push_back(MissAt(*add, match.reason));
    return false;
  }
  const Type bias{DType::kF32, ColumnsOf(*matmul), {}};
  const bool is_bias = added.type() == bias && added.type() != matmul->result_type();
  const EpilogueStep step = is_bias ? EpilogueStep::kBias : EpilogueStep::kAdd;
  std::string why = is_bias ? "" : ExplainType(added, matmul->result_type());
  if (!matmul->attrs.epilogue.Takes(step)) why = ExplainEpilogue(*matmul, Info(step));
  if (!why.empty()) {
    misses_.push_back(MissAt(*add, std::move(why)));
    return false;
  }
  if (!FuseStep(step, add, *matmul, {added}, {})) return false;
  EraseDeadChain(matmul);
  return true;
}

bool FuseEpilogue::FuseGated(Op* mul) {
  GatedParts parts;
  const auto reads = [&](const GateRow& row) {
    const Op* a = Producer(mul->operand(0));
    const Op* b = Producer(mul->operand(1));
    return (a != nullptr && a->opcode() == row.function) ||
           (b != nullptr && b->opcode() == row.function);
  };
  const GateRow* row = std::find_if(std::begin(kGates), std::end(kGates), reads);
  if (row == std::end(kGates)) return false;
  const Pattern matmul =
      MatmulBefore(row->step, SlicedMatmul(*mul)).WithUses(2).Capture(&parts.matmul);
  const Pattern gate = OpOf(Opcode::kSlice, {matmul}).WithOneUse().Capture(&parts.gate);
  const Pattern function = OpOf(row->function, {gate}).WithOneUse().Capture(&parts.function);
  const Pattern up = OpOf(Opcode::kSlice, {matmul}).WithOneUse().Capture(&parts.up);
  const MatchResult match = Match(OpOf(Opcode::kMul, {function, up}).Commuted(), mul);
  if (!match) {
    if (match.ops_matched >= kNearMissGatedOps) misses_.push_back(MissAt(*mul, match.reason));
    return false;
  }
  if (std::string why = GatedObstacle(parts); !why.empty()) {
    misses_.push_back(MissAt(*mul, why));
    return false;
  }
  const auto& halves = parts.gate->attrs.result_axes;
  if (!FuseStep(row->step, mul, *parts.matmul, {}, halves)) return false;
  EraseDeadChain(parts.function);
  EraseDeadChain(parts.up);
  return true;
}

bool FuseEpilogue::FuseFunction(Op* function) {
  Op* matmul = nullptr;
  const Pattern pattern =
      OpOf(Opcode::kGeluErf, {MatmulBefore(EpilogueStep::kGeluErf).WithOneUse().Capture(&matmul)});
  const MatchResult match = Match(pattern, function);
  if (!match) {
    if (match.ops_matched >= kNearMissFunctionOps) {
      misses_.push_back(MissAt(*function, match.reason));
    }
    return false;
  }
  if (!FuseStep(EpilogueStep::kGeluErf, function, *matmul, {}, {})) return false;
  EraseDeadChain(matmul);
  return true;
}

bool FuseEpilogue::FoldCast(Op* cast) {
  if (!IsFloat(*cast->attrs.out)) return false;
  std::vector<Op*> chain;  // from the cast's operand up to the op that computes the elements
  for (Op* op = Producer(cast->operand(0)); op != nullptr; op = Producer(op->operand(0))) {
    chain.push_back(op);
    if (!PassesElementsOn(*op)) break;
  }
  if (chain.empty() || !CanRound(*chain.back())) return false;
  for (const Op* op : chain) {
    if (std::string why = ExplainUses(*op, 1); !why.empty()) {
      misses_.push_back(MissAt(*cast, why));
      return false;
    }
  }
  Op* producer = chain.back();
  if (!IsF32(*producer) || *cast->attrs.out == DType::kF32) {
    misses_.push_back(
        MissAt(*cast, absl::StrCat("'", producer->result()->name, "' is ",
                                   DTypeName(producer->result_type().dtype), " already")));
    return false;
  }
  producer->attrs.out = cast->attrs.out;
  producer->by = std::string(name());
  std::for_each(chain.rbegin(), chain.rend(), [](Op* op) {
    absl::StatusOr<Type> type = InferType(*op);
    CHECK(type.ok()) << type.status();  // only the element type changes
    op->result()->type = *std::move(type);
  });
  Value* rounded = chain.front()->result();
  const std::string result_name = cast->result()->name;
  rounded->def()->line = cast->line;
  ReplaceOpByOperand(cast, rounded);
  rounded->name = result_name;
  return true;
}

absl::StatusOr<bool> FuseEpilogue::Run(ir::Module* module) {
  misses_.clear();
  bool changed = false;
  RewriteEachOp(module, [&](Op* op) {
    switch (op->opcode()) {
      case Opcode::kAdd:
        changed |= FuseAdd(op);
        break;
      case Opcode::kGeluErf:
        changed |= FuseFunction(op);
        break;
      case Opcode::kMul:
        changed |= FuseGated(op);
        break;
      case Opcode::kCast:
        changed |= FoldCast(op);
        break;
      default:
        break;
    }
  });
  return changed;
}

}  // namespace lluda::passes
