// What a matmul sums: over which axes, and in which type.
//
// Example: of `matmul %h @wk @kc over hid slot pos {epilogue = append}` ContractedAxes is {"hid"},
// for the last two name the state's axes; of `matmul %a @w over blk num` it is {"blk", "num"}.
#ifndef LLUDA_IR_OP_CONTRACTION_H_
#define LLUDA_IR_OP_CONTRACTION_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "ir/op/attrs.h"
#include "ir/type/dtype.h"
#include "ir/type/type.h"

namespace lluda::ir {

// Whether elements of the block dtype are d * q, or d * q + m, for integers q of 32 elements that share
// d and m: those that are multiplied with the integers of q8_f32.
bool HoldsIntegers(DType dtype);

// The type of the sums of products of two elements: f32 for floats, for floats times what blocks mean,
// and for q8_f32 times blocks that hold integers; i32 for i8. Nothing for other pairs, which are not
// multiplied.
std::optional<DType> AccumulatorOf(DType a, DType b);

// So many products of i8 fit an i32, whatever they are: each is at most 2^14.
inline constexpr int64_t kMostIntegerProducts = std::numeric_limits<int32_t>::max() / (128 * 128);

// The contracted axes of a matmul with these attributes, in the order in which they are named.
absl::Span<const std::string> ContractedAxes(const Attrs& attrs);
// The type without these axes; row-major.
Type WithoutAxes(const Type& type, absl::Span<const std::string> names);

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_CONTRACTION_H_
