// Code that quantises blocks by a search: ir/type/block_search.h on vectors.
#ifndef LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_
#define LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_

#include <cstdint>
#include <functional>

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// The 16 numbers from the i-th of a block on, as f32.
using LoadLanes = std::function<Value*(int64_t i)>;

bool IsSearched(ir::DType dtype);

// Writes one block of the dtype, which IsSearched, to `to`: of these elements, and their importances
// if that is not null.
void EmitSearchedBlock(Emitter& e, ir::DType dtype, const LoadLanes& load,
                       const LoadLanes& importance, Value* to);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_SEARCHED_BLOCKS_H_
