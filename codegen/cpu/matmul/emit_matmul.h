// The emitter of matmul.
//
// Example: a bf16 matmul on avx512bf16 becomes tiles of 12 rows x 2 panels; one work item is a pair
// of panels.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_EMIT_MATMUL_H_
#define LLUDA_CODEGEN_CPU_MATMUL_EMIT_MATMUL_H_

#include "absl/status/statusor.h"
#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, Emitter& e);

// The register tile that computes a matmul; nullptr when its operands do not lie as tiles need
// them.
const TileRow* MatmulTile(const KernelSpec& spec, const Target& target);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_EMIT_MATMUL_H_
