// Code that quantises blocks of 256: ir/type/block_search.h on vectors.
#ifndef LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_
#define LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_

#include <cstdint>
#include <functional>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// Writes one block of the dtype, one that FindSearchedEncoder knows, to `to`. `load` gives the 16
// elements from the i-th on as f32.
void EmitSearchedBlock(Emitter& e, ir::DType dtype, const std::function<Value*(int64_t i)>& load,
                       Value* to);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_
