// What a GPU's tensor cores multiply, for the code generator and for the pass that decides whether a
// projection ends in whole heads.
//
// Example: HasTensorProduct(kBF16, kBF16, 1024, 128) is true, and so a projection into heads of 128
// columns may normalise and rotate them.
#ifndef LLUDA_MACHINE_GPU_TILES_H_
#define LLUDA_MACHINE_GPU_TILES_H_

#include <cstdint>

#include "ir/type/dtype.h"

namespace lluda::machine {

// With more rows than this a product is computed in tiles, and with more tokens attention is: tokens of
// many sequences share no keys, and a tile takes their sequences one after the other.
inline constexpr int64_t kGpuFewRows = 32, kGpuFewTokens = 64;

// Whether rows and a matrix of these dtypes, over `depth` elements, are multiplied on tensor cores.
// `head`: the columns of a head that the epilogue needs as a whole; 0: none.
bool HasTensorProduct(ir::DType a, ir::DType b, int64_t depth, int64_t head);

}  // namespace lluda::machine

#endif  // LLUDA_MACHINE_GPU_TILES_H_
