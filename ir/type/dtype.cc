#include "ir/type/dtype.h"

#include <cmath>
#include <cstring>
#include <iterator>

#include "glog/logging.h"

namespace lluda::ir {
namespace {

struct DTypeRow {
  DType dtype;
  absl::string_view name;
  bool is_float;
};

// Indexed by the enum's value.
constexpr DTypeRow kDTypes[] = {
    {DType::kF32, "f32", true},       {DType::kBF16, "bf16", true},
    {DType::kF16, "f16", true},       {DType::kI32, "i32", false},
    {DType::kI64, "i64", false},      {DType::kI8, "i8", false},
    {DType::kQ8_0, "q8_0", false},    {DType::kQ4_0, "q4_0", false},
    {DType::kQ4_1, "q4_1", false},    {DType::kQ5_0, "q5_0", false},
    {DType::kQ5_1, "q5_1", false},    {DType::kQ2K, "q2_k", false},
    {DType::kQ3K, "q3_k", false},     {DType::kQ4K, "q4_k", false},
    {DType::kQ5K, "q5_k", false},     {DType::kQ6K, "q6_k", false},
    {DType::kIQ4NL, "iq4_nl", false}, {DType::kIQ4XS, "iq4_xs", false},
    {DType::kMXFP4, "mxfp4", false},  {DType::kQ8F32, "q8_f32", false},
    {DType::kF8F32, "f8_f32", false},
};
static_assert(std::size(kDTypes) == kDTypeCount);

const DTypeRow& Row(DType dtype) { return kDTypes[static_cast<int>(dtype)]; }

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace

absl::string_view DTypeName(DType dtype) { return Row(dtype).name; }

std::optional<DType> DTypeFromName(absl::string_view name) {
  for (const DTypeRow& row : kDTypes) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

bool IsFloat(DType dtype) { return Row(dtype).is_float; }

uint16_t FloatToBF16(float value) {
  const uint32_t bits = Bits(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float BF16ToFloat(uint16_t bits) { return FromBits(static_cast<uint32_t>(bits) << 16); }

uint16_t FloatToF16(float value) {
  const uint32_t bits = Bits(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7E00);
  const float magnitude = std::fabs(value);
  if (magnitude >= 65520.0f) return static_cast<uint16_t>(sign | 0x7C00);
  if (magnitude < 6.103515625e-05f) {  // 2^-14: a subnormal half counts units of 2^-24.
    return static_cast<uint16_t>(sign |
                                 static_cast<uint16_t>(std::nearbyint(magnitude * 16777216.0f)));
  }
  const uint32_t rebased = (bits & 0x7FFFFFFF) - (112u << 23);
  return static_cast<uint16_t>(sign | ((rebased + 0xFFF + ((rebased >> 13) & 1)) >> 13));
}

float F16ToFloat(uint16_t bits) {
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  if (exponent == 31) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25);
}

float RoundTo(DType dtype, float value) {
  switch (dtype) {
    case DType::kF32:
      return value;
    case DType::kBF16:
      return BF16ToFloat(FloatToBF16(value));
    case DType::kF16:
      return F16ToFloat(FloatToF16(value));
    default:
      LOG(FATAL) << "RoundTo: " << DTypeName(dtype) << " is no float type";
  }
}

}  // namespace lluda::ir
