// The order of top_k as one integer.
#ifndef LLUDA_CODEGEN_EMIT_TOP_KEY_H_
#define LLUDA_CODEGEN_EMIT_TOP_KEY_H_

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

// An i64 that is larger the earlier the element comes in top_k's order: the bits of an f32, ordered as
// integers, above its index counted from behind. -0 becomes 0, NaN the smallest.
Value* TopKey(Emitter& e, Value* x, Value* index);
// The index that the key was made with.
Value* IndexOfTopKey(Emitter& e, Value* key);

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_TOP_KEY_H_
