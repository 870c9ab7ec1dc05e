#include "ir/type/encoding.h"

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

TEST(EncodingTest, APlainElementHasBytesOfItsOwn) {
  const struct {
    DType dtype;
    int64_t bytes;
    int64_t in_dword;
  } rows[] = {{DType::kF32, 4, 1}, {DType::kBF16, 2, 2}, {DType::kF16, 2, 2},
              {DType::kI32, 4, 1}, {DType::kI64, 8, 0},  {DType::kI8, 1, 4}};
  ASSERT_EQ(std::size(rows), static_cast<size_t>(DType::kQ8_0));  // the first of the others
  for (const auto& row : rows) {
    EXPECT_TRUE(EncodingOf(row.dtype).is_plain()) << DTypeName(row.dtype);
    EXPECT_EQ(BytesOf(row.dtype, 1), row.bytes) << DTypeName(row.dtype);
    EXPECT_EQ(BytesOf(row.dtype, 0), 0) << DTypeName(row.dtype);
    EXPECT_EQ(BytesOf(row.dtype, 1001), 1001 * row.bytes) << DTypeName(row.dtype);
    EXPECT_EQ(ElementBits(row.dtype), 8 * row.bytes) << DTypeName(row.dtype);
    if (row.in_dword > 0) {
      EXPECT_EQ(DwordElements(row.dtype), row.in_dword) << DTypeName(row.dtype);
    }
  }
}

TEST(EncodingTest, BlocksTakeTheBytesOfTheirFormat) {
  const struct {
    DType dtype;
    double bits;  // of an element
  } rows[] = {{DType::kQ8_0, 8.5},   {DType::kQ4_0, 4.5},  {DType::kQ4_1, 5},
              {DType::kQ5_0, 5.5},   {DType::kQ5_1, 6},    {DType::kQ2K, 2.625},
              {DType::kQ3K, 3.4375}, {DType::kQ4K, 4.5},   {DType::kQ5K, 5.5},
              {DType::kQ6K, 6.5625}, {DType::kIQ4NL, 4.5}, {DType::kIQ4XS, 4.25},
              {DType::kMXFP4, 4.25}, {DType::kQ8F32, 9},   {DType::kF8F32, 9}};
  for (const auto& row : rows) {
    EXPECT_TRUE(IsBlock(row.dtype)) << DTypeName(row.dtype);
    EXPECT_EQ(static_cast<double>(BytesOf(row.dtype, 1024)) * 8, row.bits * 1024)
        << DTypeName(row.dtype);
  }
  EXPECT_FALSE(IsBlock(DType::kI8));
}

TEST(EncodingTest, ABlockCountsAsAWhole) {
  const Encoding eight_bits{32, 34};
  EXPECT_FALSE(eight_bits.is_plain());
  EXPECT_EQ(eight_bits.BytesOf(32), 34);
  EXPECT_EQ(eight_bits.BytesOf(int64_t{3072} * 1024), int64_t{3072} * 1024 / 32 * 34);
  // Less than a byte an element.
  const Encoding four_bits{256, 144};
  EXPECT_EQ(four_bits.BytesOf(1024), 576);
}

TEST(EncodingDeathTest, HalfABlockHasNoSize) {
  EXPECT_DEATH((Encoding{32, 34}).BytesOf(48), "48 elements in blocks of 32");
}

TEST(EncodingDeathTest, EightBytesFitNoDword) { EXPECT_DEATH(DwordElements(DType::kI64), "i64"); }

}  // namespace
}  // namespace lluda::ir
