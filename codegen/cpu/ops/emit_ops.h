// The emitters of the ops that go over elements or rows: all but matmul and attention.
#ifndef LLUDA_CODEGEN_CPU_OPS_EMIT_OPS_H_
#define LLUDA_CODEGEN_CPU_OPS_EMIT_OPS_H_

#include "absl/status/statusor.h"
#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

absl::StatusOr<KernelInfo> EmitElementwise(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitLiteral(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitReduce(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitQuantizeScale(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitSoftmax(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitRmsnorm(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitRmsnormAdd(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitLayernorm(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitRope(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitGather(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitGatherBlocks(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitDequantize(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitQuantizeBlocks(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitAppend(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitCombine(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitConcat(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitL2Norm(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitNthLargest(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitOrder(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitPack(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitPad(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitPick(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitTopK(const KernelSpec& spec, Emitter& e);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_OPS_EMIT_OPS_H_
