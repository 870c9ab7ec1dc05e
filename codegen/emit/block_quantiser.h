// The reference quantisers in code that is being written: what ir/type/blocks.cc does with numbers.
//
//   if (!Quantises(dtype)) return NoKernel(spec, "there is no quantiser for it");
//   EmitQuantisedBlock(e, dtype, [&](int64_t i) { return sixteen_from(i); }, block);
#ifndef LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_
#define LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_

#include <cstdint>
#include <functional>

#include "codegen/emit/emitter.h"
#include "ir/type/dtype.h"

namespace lluda::codegen {

bool Quantises(ir::DType dtype);

// Writes one block of the dtype, one that it Quantises, to `to`. `load` gives the 16 elements from the
// i-th on as f32.
void EmitQuantisedBlock(Emitter& e, ir::DType dtype, const std::function<Value*(int64_t i)>& load,
                        Value* to);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_BLOCK_QUANTISER_H_
