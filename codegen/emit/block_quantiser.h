// The reference quantisers in code that is being written: what ir/type/blocks.cc does with numbers.
//
//   RETURN_IF_ERROR(CheckQuantises(spec));
//   EmitQuantisedBlock(e, spec, {{"row", row}, {"hid", first_of_the_block}});
#ifndef LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_
#define LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_

#include "absl/status/status.h"
#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

// Of a quantize_blocks: whether there is a quantiser that reads its operands as they lie.
absl::Status CheckQuantises(const KernelSpec& spec);

// Writes one block of the result of a quantize_blocks, whose first element has these indices. The
// kernel's buffers are what is quantised, its importances if it has them, and the result.
void EmitQuantisedBlock(Emitter& e, const KernelSpec& spec, const Indices& at);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_
