// Blocks of integers with scales as numbers: decoding all formats, and the reference quantisers.
//
// Decoding gives the bits that the formats' reference gives; so does quantising, whose every product
// and sum is rounded on its own, without fused multiply-adds.
//
// Example: a q8_0 block of 34 bytes whose f16 is 0.5 and whose first integer is -3 decodes to 32
// numbers, of which the first is -1.5.
#ifndef LLUDA_IR_TYPE_BLOCKS_H_
#define LLUDA_IR_TYPE_BLOCKS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ir/type/dtype.h"

namespace lluda::ir {

// The elements of whole blocks. CHECKs that `dtype` is a block dtype and that sizes fit.
void DecodeBlocks(DType dtype, absl::Span<const std::byte> blocks, absl::Span<float> values);

// Where the f16s of a block lie, in bytes: its scales and minimums, as far as they are f16.
absl::Span<const int64_t> HalvesOfBlock(DType dtype);

// InvalidArgument, with the number of the first such block, where an f16 of a block, or the power of two of
// an mxfp4 one, is infinite or no number, or so large that numbers of the block are: any other bytes are
// valid. CHECKs as DecodeBlocks does.
absl::Status CheckBlockScales(DType dtype, absl::Span<const std::byte> blocks);

// Whether EncodeBlocks knows the dtype: all that GGUF files hold but mxfp4, and q8_f32.
bool CanEncodeBlocks(DType dtype);

// Whether it can weigh errors by column: q2_k to q6_k, iq4_nl, iq4_xs.
bool TakesImportance(DType dtype);

// The reverse of DecodeBlocks, by the reference's quantiser; where TakesImportance by its method
// (ir/type/block_search.h), whose bytes may differ. Scales that overflow f16 become infinite, a NaN's
// place in a block is the reference's business. `importance` is empty, or what an error in each element
// of a row costs, of which `values` are whole ones, each of whole blocks. CHECKs CanEncodeBlocks, and
// TakesImportance where there is any.
void EncodeBlocks(DType dtype, absl::Span<const float> values, absl::Span<std::byte> blocks,
                  absl::Span<const float> importance = {});

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_BLOCKS_H_
