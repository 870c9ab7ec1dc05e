#include "codegen/cpu/kernel.h"

#include "codegen/cpu/attention/emit_attention.h"
#include "codegen/cpu/matmul/emit_matmul.h"
#include "codegen/cpu/ops/emit_ops.h"

namespace lluda::codegen {
namespace {

struct EmitRow {
  ir::Opcode opcode;
  EmitFn emit;
};
constexpr EmitRow kEmitters[] = {
    {ir::Opcode::kAdd, EmitElementwise},
    {ir::Opcode::kAppend, EmitAppend},
    {ir::Opcode::kAttention, EmitAttention},
    {ir::Opcode::kCast, EmitElementwise},
    {ir::Opcode::kCausalMask, EmitElementwise},
    {ir::Opcode::kCombine, EmitCombine},
    {ir::Opcode::kConcat, EmitConcat},
    {ir::Opcode::kCos, EmitElementwise},
    {ir::Opcode::kDequantize, EmitDequantize},
    {ir::Opcode::kDiv, EmitElementwise},
    {ir::Opcode::kErf, EmitElementwise},
    {ir::Opcode::kExp, EmitElementwise},
    {ir::Opcode::kExpertMatmul, EmitMatmul},
    {ir::Opcode::kGather, EmitGather},
    {ir::Opcode::kGelu, EmitElementwise},
    {ir::Opcode::kGeluErf, EmitElementwise},
    {ir::Opcode::kIota, EmitElementwise},
    {ir::Opcode::kKeep, EmitElementwise},
    {ir::Opcode::kL2Norm, EmitL2Norm},
    {ir::Opcode::kLayernorm, EmitLayernorm},
    {ir::Opcode::kLiteral, EmitLiteral},
    {ir::Opcode::kMatmul, EmitMatmul},
    {ir::Opcode::kMerge, EmitCopy},
    {ir::Opcode::kMul, EmitElementwise},
    {ir::Opcode::kNthLargest, EmitNthLargest},
    {ir::Opcode::kOffset, EmitElementwise},
    {ir::Opcode::kOrder, EmitOrder},
    {ir::Opcode::kPack, EmitPack},
    {ir::Opcode::kPad, EmitPad},
    {ir::Opcode::kPermute, EmitCopy},
    {ir::Opcode::kPick, EmitPick},
    {ir::Opcode::kPower, EmitElementwise},
    {ir::Opcode::kQuantize, EmitElementwise},
    {ir::Opcode::kQuantizeBlocks, EmitQuantizeBlocks},
    {ir::Opcode::kQuantizeScale, EmitQuantizeScale},
    {ir::Opcode::kReciprocal, EmitElementwise},
    {ir::Opcode::kReduceMax, EmitReduce},
    {ir::Opcode::kReduceSum, EmitReduce},
    {ir::Opcode::kRmsnorm, EmitRmsnorm},
    {ir::Opcode::kRmsnormAdd, EmitRmsnormAdd},
    {ir::Opcode::kRope, EmitRope},
    {ir::Opcode::kScale, EmitElementwise},
    {ir::Opcode::kSilu, EmitElementwise},
    {ir::Opcode::kSin, EmitElementwise},
    {ir::Opcode::kSlice, EmitCopy},
    {ir::Opcode::kSoftmax, EmitSoftmax},
    {ir::Opcode::kSplit, EmitCopy},
    {ir::Opcode::kSub, EmitElementwise},
    {ir::Opcode::kTanh, EmitElementwise},
    {ir::Opcode::kTopK, EmitTopK},
};

}  // namespace

absl::StatusOr<KernelInfo> EmitKernel(const KernelSpec& spec, const Target& target,
                                      const std::vector<std::string>& symbols,
                                      const std::string& name, llvm::Module* module) {
  for (const EmitRow& row : kEmitters) {
    if (row.opcode != spec.opcode) continue;
    Emitter e(module, target, name, SymbolsOf(spec, symbols));
    absl::StatusOr<KernelInfo> info = row.emit(spec, e);
    if (info.ok()) e.Finish();
    return info;
  }
  return NoKernel(spec, "the op is not computed by a kernel");
}

}  // namespace lluda::codegen
