#include "ir/type/dtype.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

TEST(DTypeTest, NamesReadBack) {
  const struct {
    DType dtype;
    const char* name;
    bool is_float;
  } rows[] = {{DType::kF32, "f32", true},       {DType::kBF16, "bf16", true},
              {DType::kF16, "f16", true},       {DType::kI32, "i32", false},
              {DType::kI64, "i64", false},      {DType::kI8, "i8", false},
              {DType::kQ8_0, "q8_0", false},    {DType::kQ4_0, "q4_0", false},
              {DType::kQ4_1, "q4_1", false},    {DType::kQ5_0, "q5_0", false},
              {DType::kQ5_1, "q5_1", false},    {DType::kQ2K, "q2_k", false},
              {DType::kQ3K, "q3_k", false},     {DType::kQ4K, "q4_k", false},
              {DType::kQ5K, "q5_k", false},     {DType::kQ6K, "q6_k", false},
              {DType::kIQ4NL, "iq4_nl", false}, {DType::kIQ4XS, "iq4_xs", false},
              {DType::kMXFP4, "mxfp4", false},  {DType::kQ8F32, "q8_f32", false},
              {DType::kF8F32, "f8_f32", false}};
  ASSERT_EQ(std::size(rows), kDTypeCount);
  for (const auto& row : rows) {
    EXPECT_EQ(DTypeName(row.dtype), row.name);
    EXPECT_EQ(DTypeFromName(row.name), row.dtype);
    EXPECT_EQ(IsFloat(row.dtype), row.is_float) << row.name;
  }
  EXPECT_EQ(DTypeFromName("F32"), std::nullopt);
  EXPECT_EQ(DTypeFromName(""), std::nullopt);
}

// Every bf16 is exactly a float; what lies between two goes to the nearer, the middle to the even.
TEST(DTypeTest, BF16RoundsToNearestEvenAtEveryNumber) {
  for (uint32_t high = 0; high < 0x7F80; ++high) {
    const uint16_t bf16 = static_cast<uint16_t>(high);
    const float exact = BF16ToFloat(bf16);
    ASSERT_EQ(Bits(exact), high << 16);
    ASSERT_EQ(FloatToBF16(exact), bf16);
    ASSERT_EQ(FloatToBF16(-exact), bf16 | 0x8000);
    const uint16_t next = static_cast<uint16_t>(bf16 + 1);
    const uint32_t middle = (high << 16) + 0x8000;
    const auto rounded = [](uint32_t bits) {
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return FloatToBF16(value);
    };
    ASSERT_EQ(rounded(middle - 1), bf16);
    ASSERT_EQ(rounded(middle), high % 2 == 0 ? bf16 : next);
    ASSERT_EQ(rounded(middle + 1), next);
  }
}

TEST(DTypeTest, F16RoundsToNearestEvenAtEveryNumber) {
  for (uint32_t i = 0; i < 0x7BFF; ++i) {  // up to the last but one finite half
    const uint16_t half = static_cast<uint16_t>(i);
    const uint16_t next = static_cast<uint16_t>(i + 1);
    const float low = F16ToFloat(half);
    const float high = F16ToFloat(next);
    ASSERT_LT(low, high);
    ASSERT_EQ(FloatToF16(low), half);
    ASSERT_EQ(FloatToF16(-low), half | 0x8000);
    const float middle = (low + high) / 2;  // exact: a float has 13 more bits
    ASSERT_EQ(FloatToF16(std::nextafter(middle, 0.0f)), half) << i;
    ASSERT_EQ(FloatToF16(middle), i % 2 == 0 ? half : next) << i;
    ASSERT_EQ(FloatToF16(std::nextafter(middle, high)), next) << i;
  }
}

TEST(DTypeTest, F16KnownValues) {
  EXPECT_EQ(F16ToFloat(0x3C00), 1.0f);
  EXPECT_EQ(F16ToFloat(0xC000), -2.0f);
  EXPECT_EQ(F16ToFloat(0x7BFF), 65504.0f);
  EXPECT_EQ(F16ToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(F16ToFloat(0x0400), 0x1p-14f);
  EXPECT_EQ(FloatToF16(65519.0f), 0x7BFF);
  EXPECT_EQ(FloatToF16(65520.0f), 0x7C00);
}

TEST(DTypeTest, InfinityAndNaNSurvive) {
  const float infinity = std::numeric_limits<float>::infinity();
  uint32_t low_nan_bits = 0x7F800001;  // a NaN whose payload lies in the bits that are cut off
  float low_nan;
  std::memcpy(&low_nan, &low_nan_bits, sizeof(low_nan));
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    EXPECT_EQ(RoundTo(dtype, infinity), infinity) << DTypeName(dtype);
    EXPECT_EQ(RoundTo(dtype, -infinity), -infinity) << DTypeName(dtype);
    EXPECT_TRUE(std::isnan(RoundTo(dtype, low_nan))) << DTypeName(dtype);
  }
  EXPECT_EQ(RoundTo(DType::kBF16, std::numeric_limits<float>::max()), infinity);
}

TEST(DTypeTest, RoundToIsIdempotentAndKeepsF32) {
  EXPECT_EQ(RoundTo(DType::kF32, 0.1f), 0.1f);
  EXPECT_EQ(RoundTo(DType::kBF16, 0.1f), 0.10009765625f);
  EXPECT_EQ(RoundTo(DType::kF16, 0.1f), 0.0999755859375f);
}

TEST(DTypeDeathTest, RoundingToAnIntegerTypeIsABug) {
  EXPECT_DEATH(RoundTo(DType::kI32, 1.0f), "i32 is no float type");
}

}  // namespace
}  // namespace lluda::ir
