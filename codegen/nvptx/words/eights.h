// Eight elements at a time: what a thread reads at once where memory is read in order.
#ifndef LLUDA_CODEGEN_NVPTX_WORDS_EIGHTS_H_
#define LLUDA_CODEGEN_NVPTX_WORDS_EIGHTS_H_

#include <cstdint>
#include <vector>

#include "codegen/nvptx/words/words.h"
#include "ir/type/dtype.h"

namespace lluda::codegen::gpu {

inline constexpr int64_t kEight = 8;

// Eight neighbouring floats at a multiple of 16 bytes, widened to f32.
std::vector<Value*> LoadEight(GpuEmitter& e, Value* pointer, ir::DType dtype);

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_WORDS_EIGHTS_H_
