// Matrices of quantised folders in the IR's own dtypes: blocks that mean the same numbers to the
// bit, where there are such, and f32 where there are not.
//
//   CanEncode(linear, ir::DType::kQ4_0)   // 4 bits with zero points of 8, and f16 scales
//   EncodeRows(linear, ir::DType::kQ4_0, begin, end, bytes);
#ifndef LLUDA_FRONTENDS_QUANTISED_ENCODE_H_
#define LLUDA_FRONTENDS_QUANTISED_ENCODE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "frontends/quantised/linear.h"
#include "ir/type/dtype.h"

namespace lluda::frontends::quantised {

// The dtypes that matrices may be given, the smallest first; the last one, f32, takes all.
absl::Span<const ir::DType> EncodedDTypes();

// Whether all numbers of the matrix are numbers of this dtype. Blocks have one scale for 32 inputs.
bool CanEncode(const Linear& linear, ir::DType dtype);

// The rows [begin, end), in a dtype that CanEncode, row after row. InvalidArgument, with the place of
// the first one, for floats that are no numbers.
absl::Status EncodeRows(const Linear& linear, ir::DType dtype, int64_t begin, int64_t end,
                        std::byte* rows);

}  // namespace lluda::frontends::quantised

#endif  // LLUDA_FRONTENDS_QUANTISED_ENCODE_H_
