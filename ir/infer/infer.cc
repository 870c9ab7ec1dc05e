#include "ir/infer/infer.h"

#include <iterator>

#include "base/status_macros.h"
#include "ir/infer/checks.h"
#include "ir/infer/infer_blocks.h"
#include "ir/infer/infer_elementwise.h"
#include "ir/infer/infer_experts.h"
#include "ir/infer/infer_heads.h"
#include "ir/infer/infer_matmul.h"
#include "ir/infer/infer_shape.h"

namespace lluda::ir {
namespace {

using infer::Error;
using infer::In;
using infer::TypeOr;

TypeOr InferCall(const Op& op) {
  if (op.callee == nullptr) return Error(op, "has no callee");
  const Func& callee = *op.callee;
  if (callee.params().size() != op.operands().size()) {
    return Error(op, "@", callee.name, " takes ", callee.params().size(), " operands, got ",
                 op.operand_count());
  }
  for (int i = 0; i < op.operand_count(); ++i) {
    if (In(op, i) != callee.params()[i]->type) {
      return Error(op, "operand ", i, " of @", callee.name, " must be ",
                   ToString(callee.params()[i]->type), ", is ", ToString(In(op, i)));
    }
  }
  return callee.result_type;
}

TypeOr InferFor(const Op& op) {
  if (op.operand_count() == 0) return Error(op, "a loop that carries nothing has no result");
  return In(op, 0);
}

TypeOr InferNothing(const Op& op) { return Error(op, "has no result"); }

struct InferRow {
  Opcode opcode;
  TypeOr (*infer)(const Op&);
};
// In the order of the enum.
constexpr InferRow kInfer[] = {
    {Opcode::kAdd, infer::InferBinary},
    {Opcode::kAppend, infer::InferAppend},
    {Opcode::kAttention, infer::InferAttention},
    {Opcode::kCall, InferCall},
    {Opcode::kCast, infer::InferCast},
    {Opcode::kCausalMask, infer::InferCausalMask},
    {Opcode::kCombine, InferCombine},
    {Opcode::kConcat, infer::InferJoin},
    {Opcode::kCos, infer::InferUnary},
    {Opcode::kDequantize, InferDequantize},
    {Opcode::kDiv, infer::InferBinary},
    {Opcode::kErf, infer::InferUnary},
    {Opcode::kExp, infer::InferUnary},
    {Opcode::kExpertMatmul, InferExpertMatmul},
    {Opcode::kFor, InferFor},
    {Opcode::kGather, infer::InferGather},
    {Opcode::kGelu, infer::InferUnary},
    {Opcode::kGeluErf, infer::InferUnary},
    {Opcode::kIota, infer::InferIota},
    {Opcode::kKeep, infer::InferKeep},
    {Opcode::kL2Norm, infer::InferL2Norm},
    {Opcode::kLayernorm, infer::InferLayernorm},
    {Opcode::kLiteral, infer::InferLiteral},
    {Opcode::kMatmul, infer::InferMatmul},
    {Opcode::kMerge, infer::InferMerge},
    {Opcode::kMul, infer::InferBinary},
    {Opcode::kNthLargest, infer::InferNthLargest},
    {Opcode::kOffset, infer::InferScale},
    {Opcode::kOrder, InferOrder},
    {Opcode::kPack, infer::InferPack},
    {Opcode::kPad, infer::InferPad},
    {Opcode::kPermute, infer::InferPermute},
    {Opcode::kPick, InferPick},
    {Opcode::kPower, infer::InferPower},
    {Opcode::kQuantize, infer::InferQuantize},
    {Opcode::kQuantizeBlocks, InferQuantizeBlocks},
    {Opcode::kQuantizeScale, infer::InferQuantizeScale},
    {Opcode::kReciprocal, infer::InferUnary},
    {Opcode::kReduceMax, infer::InferReduce},
    {Opcode::kReduceSum, infer::InferReduce},
    {Opcode::kReturn, InferNothing},
    {Opcode::kRmsnorm, infer::InferRmsnorm},
    {Opcode::kRmsnormAdd, infer::InferRmsnormAdd},
    {Opcode::kRope, infer::InferRope},
    {Opcode::kScale, infer::InferScale},
    {Opcode::kSilu, infer::InferUnary},
    {Opcode::kSin, infer::InferUnary},
    {Opcode::kSlice, infer::InferSlice},
    {Opcode::kSoftmax, infer::InferSoftmax},
    {Opcode::kSplit, infer::InferSplit},
    {Opcode::kSub, infer::InferBinary},
    {Opcode::kTanh, infer::InferUnary},
    {Opcode::kTopK, InferTopK},
    {Opcode::kWindow, infer::InferWindow},
    {Opcode::kYield, InferNothing},
};
static_assert(std::size(kInfer) == static_cast<size_t>(Opcode::kCount));

}  // namespace

absl::StatusOr<Type> InferType(const Op& op) {
  const OpInfo& info = Info(op.opcode());
  if (op.operand_count() < info.min_operands || op.operand_count() > info.max_operands) {
    return Error(op, "takes ", info.min_operands, " to ", info.max_operands, " operands, has ",
                 op.operand_count());
  }
  RETURN_IF_ERROR(CheckBlockOperands(op));
  TypeOr result = kInfer[static_cast<int>(op.opcode())].infer(op);
  if (!result.ok()) return result;
  RETURN_IF_ERROR(CheckBlockResult(op, *result));
  return result;
}

}  // namespace lluda::ir
