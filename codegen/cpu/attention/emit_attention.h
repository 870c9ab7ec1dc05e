// The emitter of attention: a work item is the rows of a KV head, in spans of positions that
// threads may share.
#ifndef LLUDA_CODEGEN_CPU_ATTENTION_EMIT_ATTENTION_H_
#define LLUDA_CODEGEN_CPU_ATTENTION_EMIT_ATTENTION_H_

#include "absl/status/statusor.h"
#include "codegen/emit/op_emitter.h"

namespace lluda::codegen {

absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, Emitter& e);

// The register tile that computes an attention: one of AMX where a head is whole steps of it.
// Nullptr for types that no tile multiplies.
const TileRow* AttentionTileRow(const KernelSpec& spec, const Target& target);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_ATTENTION_EMIT_ATTENTION_H_
