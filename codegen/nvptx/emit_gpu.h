// The emitters of a GPU's kernels, by family. Each writes the body of the kernel that `e` has begun;
// Unimplemented, naming op and types, where it has none for these layouts.
#ifndef LLUDA_CODEGEN_NVPTX_EMIT_GPU_H_
#define LLUDA_CODEGEN_NVPTX_EMIT_GPU_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/backend.h"
#include "codegen/kernel_spec.h"
#include "codegen/nvptx/words/words.h"

namespace lluda::codegen::gpu {

// A thread for each element of the result: emit_elements.cc.
absl::StatusOr<KernelInfo> EmitElements(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitLiteral(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitRope(const KernelSpec& spec, GpuEmitter& e);

// The same, of elements that are moved as bits: emit_moves.cc.
absl::StatusOr<KernelInfo> EmitAppend(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitConcat(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitGather(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitPack(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitPad(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitPick(const KernelSpec& spec, GpuEmitter& e);

// Weights in blocks: emit_blocks.cc.
absl::StatusOr<KernelInfo> EmitDequantize(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitGatherBlocks(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitPackBlocks(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitQuantizeBlocks(const KernelSpec& spec, GpuEmitter& e);

// A warp for each row: emit_rows.cc.
absl::StatusOr<KernelInfo> EmitLayernorm(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitQuantizeScale(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitReduce(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitRmsnorm(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitRmsnormAdd(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitSoftmax(const KernelSpec& spec, GpuEmitter& e);

// emit_experts.cc.
absl::StatusOr<KernelInfo> EmitCombine(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitOrder(const KernelSpec& spec, GpuEmitter& e);
absl::StatusOr<KernelInfo> EmitTopK(const KernelSpec& spec, GpuEmitter& e);

// A warp for each column of the result: emit_matmul.cc. Also of expert_matmul.
absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, GpuEmitter& e);

// Products as one kernel, with the norm before them: emit_group.cc.
bool MayGroup(const KernelSpec* norm, const std::vector<KernelSpec>& products);
std::string RowSymbolOf(const KernelSpec& product);
int GroupBuffers(const KernelSpec& group);
absl::StatusOr<KernelInfo> EmitGroup(const KernelSpec& group, GpuEmitter& e);

// A block for each token's head: emit_attention.cc.
absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, GpuEmitter& e);

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_EMIT_GPU_H_
