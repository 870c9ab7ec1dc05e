// The sum of squares of a row by a block, in an order of its own: an element's thread is its index
// modulo the block's threads, warps combine theirs as a butterfly, and the warps' sums are added one
// after the other.
#ifndef LLUDA_CODEGEN_NVPTX_WORDS_BLOCK_SUM_H_
#define LLUDA_CODEGEN_NVPTX_WORDS_BLOCK_SUM_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "codegen/nvptx/words/words.h"

namespace lluda::codegen::gpu {

// Rows of fewer elements are a warp's, in another order: EmitRmsnorm.
inline constexpr int64_t kLongRow = 512;

// In all threads. `shared` has room for a float of each warp, which others may still read: a barrier
// goes before it is used again.
Value* BlockSumOfSquares(GpuEmitter& e, int64_t count, Value* shared,
                         const std::function<Value*(Value* i)>& load);
// The same of elements that the threads hold: all of a thread's, in their order.
Value* BlockSumOfSquares(GpuEmitter& e, const std::vector<Value*>& elements, Value* shared);

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_WORDS_BLOCK_SUM_H_
