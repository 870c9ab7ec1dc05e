#include "ir/op/contraction.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ContractionTest, FloatsOfAnyWidthAreSummedInF32AndBytesInI32) {
  EXPECT_EQ(AccumulatorOf(DType::kBF16, DType::kF16), DType::kF32);
  EXPECT_EQ(AccumulatorOf(DType::kF32, DType::kBF16), DType::kF32);
  EXPECT_EQ(AccumulatorOf(DType::kI8, DType::kI8), DType::kI32);
}

TEST(ContractionTest, NothingElseIsMultiplied) {
  EXPECT_EQ(AccumulatorOf(DType::kI8, DType::kF32), std::nullopt);
  EXPECT_EQ(AccumulatorOf(DType::kBF16, DType::kI8), std::nullopt);
  EXPECT_EQ(AccumulatorOf(DType::kI32, DType::kI32), std::nullopt);
  EXPECT_EQ(AccumulatorOf(DType::kI8, DType::kI64), std::nullopt);
}

TEST(ContractionTest, MostIntegerProductsFitAtTheirGreatestAndOneMoreDoesNot) {
  constexpr int64_t kGreatest = int64_t{-128} * -128;
  EXPECT_LE(kMostIntegerProducts * kGreatest, std::numeric_limits<int32_t>::max());
  EXPECT_GT((kMostIntegerProducts + 1) * kGreatest, std::numeric_limits<int32_t>::max());
}

TEST(ContractionTest, AnAppendNamesItsStatesAxesLast) {
  Attrs attrs;
  attrs.axes = {"blk", "num", "slot", "pos"};
  EXPECT_THAT(ContractedAxes(attrs), ElementsAre("blk", "num", "slot", "pos"));
  attrs.epilogue = {EpilogueStep::kAppend};
  EXPECT_THAT(ContractedAxes(attrs), ElementsAre("blk", "num"));
  attrs.axes = {"hid"};  // no sound statement, but one that is asked about
  EXPECT_THAT(ContractedAxes(attrs), IsEmpty());
}

TEST(ContractionTest, TypesLoseTheNamedAxesAndTheirLayout) {
  const Type type{
      DType::kI8,
      {{"n", Extent::Constant(2)}, {"blk", Extent::Constant(3)}, {"num", Extent::Constant(4)}},
      Layout::Panel(16, 4, "num")};
  EXPECT_EQ(ToString(WithoutAxes(type, {"num", "blk"})), "i8 n[2]");
  EXPECT_EQ(ToString(WithoutAxes(type, {})), "i8 n[2] blk[3] num[4]");
}

}  // namespace
}  // namespace lluda::ir
