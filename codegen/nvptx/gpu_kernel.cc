#include "codegen/nvptx/gpu_kernel.h"

#include "codegen/emit/op_emitter.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/tensor_attention.h"
#include "machine/gpu_tiles.h"

namespace lluda::codegen {
namespace {

using EmitGpuFn = absl::StatusOr<KernelInfo> (*)(const KernelSpec& spec, GpuEmitter& e);

struct EmitRow {
  ir::Opcode opcode;
  EmitGpuFn emit;
};
constexpr EmitRow kEmitters[] = {
    {ir::Opcode::kAdd, gpu::EmitElements},
    {ir::Opcode::kAppend, gpu::EmitAppend},
    {ir::Opcode::kAttention, gpu::EmitAttention},
    {ir::Opcode::kCast, gpu::EmitElements},
    {ir::Opcode::kCausalMask, gpu::EmitElements},
    {ir::Opcode::kCombine, gpu::EmitCombine},
    {ir::Opcode::kConcat, gpu::EmitConcat},
    {ir::Opcode::kCos, gpu::EmitElements},
    {ir::Opcode::kDequantize, gpu::EmitDequantize},
    {ir::Opcode::kDiv, gpu::EmitElements},
    {ir::Opcode::kErf, gpu::EmitElements},
    {ir::Opcode::kExp, gpu::EmitElements},
    {ir::Opcode::kExpertMatmul, gpu::EmitMatmul},
    {ir::Opcode::kGather, gpu::EmitGather},
    {ir::Opcode::kGelu, gpu::EmitElements},
    {ir::Opcode::kGeluErf, gpu::EmitElements},
    {ir::Opcode::kIota, gpu::EmitElements},
    {ir::Opcode::kKeep, gpu::EmitElements},
    {ir::Opcode::kLayernorm, gpu::EmitLayernorm},
    {ir::Opcode::kLiteral, gpu::EmitLiteral},
    {ir::Opcode::kMatmul, gpu::EmitMatmul},
    {ir::Opcode::kMerge, gpu::EmitCopy},
    {ir::Opcode::kMul, gpu::EmitElements},
    {ir::Opcode::kOffset, gpu::EmitElements},
    {ir::Opcode::kOrder, gpu::EmitOrder},
    {ir::Opcode::kPack, gpu::EmitPack},
    {ir::Opcode::kPad, gpu::EmitPad},
    {ir::Opcode::kPermute, gpu::EmitCopy},
    {ir::Opcode::kPick, gpu::EmitPick},
    {ir::Opcode::kPower, gpu::EmitElements},
    {ir::Opcode::kQuantize, gpu::EmitElements},
    {ir::Opcode::kQuantizeBlocks, gpu::EmitQuantizeBlocks},
    {ir::Opcode::kQuantizeScale, gpu::EmitQuantizeScale},
    {ir::Opcode::kReciprocal, gpu::EmitElements},
    {ir::Opcode::kReduceMax, gpu::EmitReduce},
    {ir::Opcode::kReduceSum, gpu::EmitReduce},
    {ir::Opcode::kRmsnorm, gpu::EmitRmsnorm},
    {ir::Opcode::kRmsnormAdd, gpu::EmitRmsnormAdd},
    {ir::Opcode::kRope, gpu::EmitRope},
    {ir::Opcode::kScale, gpu::EmitElements},
    {ir::Opcode::kSilu, gpu::EmitElements},
    {ir::Opcode::kSin, gpu::EmitElements},
    {ir::Opcode::kSlice, gpu::EmitCopy},
    {ir::Opcode::kSoftmax, gpu::EmitSoftmax},
    {ir::Opcode::kSplit, gpu::EmitCopy},
    {ir::Opcode::kSub, gpu::EmitElements},
    {ir::Opcode::kTanh, gpu::EmitElements},
    {ir::Opcode::kTopK, gpu::EmitTopK},
    {ir::Opcode::kWindow, gpu::EmitCopy},
};

absl::StatusOr<KernelInfo> Finished(absl::StatusOr<KernelInfo> info, GpuEmitter& e) {
  if (!info.ok()) return info;
  info->scratch_bytes = e.LaunchBytes();
  e.Finish();
  return info;
}

}  // namespace

absl::StatusOr<KernelInfo> EmitGpuKernel(const KernelSpec& spec, const Form& form,
                                         const Target& target,
                                         const std::vector<std::string>& symbols,
                                         const std::string& name, llvm::Module* module) {
  if (!spec.group.empty()) {
    const auto e = GpuEmitter::Begin(form, module, target, name, symbols, gpu::GroupBuffers(spec));
    return Finished(gpu::EmitGroup(spec, *e), *e);
  }
  for (const EmitRow& row : kEmitters) {
    if (row.opcode != spec.opcode) continue;
    const int buffers = static_cast<int>(spec.operands.size()) + 1;
    const auto e = GpuEmitter::Begin(form, module, target, name, symbols, buffers);
    if (row.emit != gpu::EmitMatmul) e->WaitForEarlier();  // that waits behind its first weights
    return Finished(row.emit(spec, *e), *e);
  }
  return NoKernel(spec, "a GPU has no kernel for the op");
}

std::optional<Backend::Many> GpuManyRows(const KernelSpec& spec) {
  if (spec.opcode == ir::Opcode::kAttention) {
    if (!gpu::TensorAttention::Fits(spec)) return std::nullopt;
    return Backend::Many{gpu::TensorAttention::TokenSymbolOf(spec), machine::kGpuFewTokens};
  }
  const KernelSpec& one = spec.group.empty() ? spec : spec.group.back();
  if (!gpu::TensorProduct::Fits(one)) return std::nullopt;
  return Backend::Many{gpu::RowSymbolOf(one), machine::kGpuFewRows};
}

bool MayGroupOnGpu(const KernelSpec* norm, const std::vector<KernelSpec>& specs) {
  return gpu::MayGroup(norm, specs);
}

}  // namespace lluda::codegen
