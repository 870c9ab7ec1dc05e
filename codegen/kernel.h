// Emits one kernel: KernelSpec -> an LLVM function, plus what the runtime must know to call it.
//
// Example: EmitKernel for a bf16 matmul on avx512bf16 writes tiles of 12 rows x 2 panels and says
// that one work item is a pair of panels.
#ifndef LLUDA_CODEGEN_KERNEL_H_
#define LLUDA_CODEGEN_KERNEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "codegen/backend.h"
#include "codegen/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Unimplemented, naming op and types, when this op on these layouts has no kernel.
absl::StatusOr<KernelInfo> EmitKernel(const KernelSpec& spec, const Target& target,
                                      const std::vector<std::string>& symbols,
                                      const std::string& name, llvm::Module* module);

// The emitters of the op families, for EmitKernel's table.
using EmitFn = absl::StatusOr<KernelInfo> (*)(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitElementwise(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitReduce(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitQuantizeScale(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitSoftmax(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitRmsnorm(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitRope(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitGather(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitAppend(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitConcat(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitCopy(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitPack(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, Emitter& e);
absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, Emitter& e);

// The register tile that computes a matmul; nullptr when its operands do not lie as tiles need
// them.
const TileRow* MatmulTile(const KernelSpec& spec, const Target& target);

// Unimplemented for this spec, with a reason.
absl::Status NoKernel(const KernelSpec& spec, absl::string_view reason);

// Elements from a tensor's start to the element with these indices, in either layout.
Value* ElementOffset(Emitter& e, const TensorSpec& tensor, const Indices& indices);
// Elements [i, i + lanes) along an axis of a row-major tensor, from the element at offset `first`
// on.
Value* LoadAlong(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first,
                 absl::string_view axis, Value* i, int lanes);
// The element of an i32 or i64 tensor with these indices, as i64.
Value* LoadIndexAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices);
// The axis whose elements are a panel's rows: the last one that is not the panel's own.
const ir::Axis& PanelRowAxis(const TensorSpec& tensor);
// All axes but the last.
std::vector<ir::Axis> LeadingAxes(const TensorSpec& tensor);
// All axes but the named one.
std::vector<ir::Axis> AxesWithout(const TensorSpec& tensor, absl::string_view name);
// True when neighbours along the axis are neighbours in memory (or it has one element).
bool IsContiguous(const TensorSpec& tensor, absl::string_view axis);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_KERNEL_H_
