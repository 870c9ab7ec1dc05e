#include "ir/type/type.h"

#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

const Axis kTok{"tok", Extent::Symbol("T")};
const Axis kHid{"hid", Extent::Constant(9)};

int64_t FiveForT(absl::string_view symbol) { return symbol == "T" ? 5 : -1; }

TEST(TypeTest, TextNamesDTypeAxesAndLayout) {
  EXPECT_EQ(ToString(Type{DType::kF32, {}, {}}), "f32");
  EXPECT_EQ(ToString(Type{DType::kBF16, {kTok, kHid}, {}}), "bf16 tok[T] hid[9]");
  EXPECT_EQ(ToString(Type{DType::kBF16, {kTok, kHid}, Layout::Panel(16, 2, "hid")}),
            "bf16 tok[T] hid[9] @panel(16x2, hid)");
}

TEST(TypeTest, AxesAreFoundByName) {
  const Type type{DType::kF32, {kTok, kHid}, {}};
  EXPECT_EQ(type.FindAxis("hid"), 1);
  EXPECT_EQ(type.FindAxis("hi"), -1);
  EXPECT_TRUE(type.HasAxis("tok"));
  EXPECT_EQ(type.GetAxis("hid")->extent, Extent::Constant(9));
  EXPECT_EQ(type.GetAxis("row"), nullptr);
}

TEST(TypeTest, WithoutAndWithGiveRowMajorTypes) {
  const Type type{DType::kBF16, {kTok, kHid}, Layout::Panel(16, 2, "hid")};
  EXPECT_EQ(ToString(type.Without("tok")), "bf16 hid[9]");
  EXPECT_EQ(ToString(type.Without("row")), "bf16 tok[T] hid[9]");
  EXPECT_EQ(ToString(type.With(DType::kF32)), "f32 tok[T] hid[9]");
}

TEST(TypeTest, EqualityComparesOrderExtentsAndLayout) {
  const Type type{DType::kF32, {kTok, kHid}, {}};
  EXPECT_EQ(type, (Type{DType::kF32, {kTok, kHid}, {}}));
  EXPECT_NE(type, (Type{DType::kF32, {kHid, kTok}, {}}));
  EXPECT_NE(type, (Type{DType::kF16, {kTok, kHid}, {}}));
  EXPECT_NE(type, (Type{DType::kF32, {kTok, {"hid", Extent::Symbol("T")}}, {}}));
  EXPECT_NE(type, (Type{DType::kF32, {kTok, kHid}, Layout::Panel(16, 1, "hid")}));
}

TEST(TypeTest, ElementsFollowTheSymbols) {
  const Type type{DType::kBF16, {kTok, kHid}, {}};
  EXPECT_EQ(ElementCount(type, FiveForT), 45);
  EXPECT_EQ(ElementCount(Type{DType::kI64, {}, {}}, FiveForT), 1);
}

}  // namespace
}  // namespace lluda::ir
