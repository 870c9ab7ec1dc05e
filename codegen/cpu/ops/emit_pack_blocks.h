// pack of a weight in blocks: its rows' bytes, 16 rows side by side.
//
// Example: of q4_0 n[64] k[1024] a row has 576 bytes; byte b of row r becomes byte b * 16 + r % 16 of
// panel r / 16.
#ifndef LLUDA_CODEGEN_CPU_OPS_EMIT_PACK_BLOCKS_H_
#define LLUDA_CODEGEN_CPU_OPS_EMIT_PACK_BLOCKS_H_

#include "absl/status/statusor.h"
#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

absl::StatusOr<KernelInfo> EmitPackBlocks(const KernelSpec& spec, Emitter& e);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_OPS_EMIT_PACK_BLOCKS_H_
