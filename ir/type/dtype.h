// Element types of tensors and the rounding between them.
//
// Example: RoundTo(DType::kBF16, 1.00390625f) == 1.0f, the nearest bf16 (ties to even).
#ifndef LLUDA_IR_TYPE_DTYPE_H_
#define LLUDA_IR_TYPE_DTYPE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace lluda::ir {

// A new one also needs a row in dtype.cc (its name) and in encoding.cc (its bytes). Those from kQ8_0
// on hold their elements in blocks of integers with scales, as ir/type/block_formats.h says.
enum class DType : uint8_t {
  kF32,
  kBF16,
  kF16,
  kI32,
  kI64,
  kI8,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2K,
  kQ3K,
  kQ4K,
  kQ5K,
  kQ6K,
  kIQ4NL,
  kIQ4XS,
  kMXFP4,
  kQ8F32,
  kF8F32,
};
inline constexpr size_t kDTypeCount = static_cast<size_t>(DType::kF8F32) + 1;

// "f32", "bf16", "q4_0", ...: the spelling of the IR text.
absl::string_view DTypeName(DType dtype);
std::optional<DType> DTypeFromName(absl::string_view name);

// Is each element a float of its own? Not so in blocks.
bool IsFloat(DType dtype);

// IEEE 754 round-to-nearest-even conversions by bits; NaN stays NaN.
uint16_t FloatToBF16(float value);
float BF16ToFloat(uint16_t bits);
uint16_t FloatToF16(float value);
float F16ToFloat(uint16_t bits);

// `value` rounded to a float dtype and widened again.
float RoundTo(DType dtype, float value);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_DTYPE_H_
