#include "ir/type/layout.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;

const Axis kSlot{"slot", Extent::Constant(3)};
const Axis kTok{"tok", Extent::Symbol("T")};
const Axis kHid{"hid", Extent::Constant(9)};

int64_t FiveForT(absl::string_view symbol) { return symbol == "T" ? 5 : 0; }

Type Matrix(DType dtype, int64_t rows, int64_t depth, Layout layout) {
  return {dtype, {{"n", Extent::Constant(rows)}, {"k", Extent::Constant(depth)}}, layout};
}

TEST(LayoutTest, BytesFollowTheSymbols) {
  EXPECT_EQ(ByteSize({DType::kBF16, {kTok, kHid}, {}}, FiveForT), 90);
  EXPECT_EQ(ByteSize({DType::kI64, {}, {}}, FiveForT), 8);
}

TEST(LayoutTest, PanelsArePaddedToWholeTiles) {
  // 5 rows fill one panel of 16, 9 elements five pairs: 16 * 10 elements of 2 bytes.
  EXPECT_EQ(ByteSize({DType::kBF16, {kTok, kHid}, Layout::Panel(16, 2, "hid")}, FiveForT), 320);
  // Of the row axes only the last is padded: 3 * (5 -> 8) * (9 -> 10) * 4 bytes.
  EXPECT_EQ(ByteSize({DType::kF32, {kSlot, kTok, kHid}, Layout::Panel(8, 2, "hid")}, FiveForT),
            960);
  // The panel's own axis may come first.
  EXPECT_EQ(ByteSize({DType::kF32, {kHid, kTok}, Layout::Panel(4, 2, "hid")}, FiveForT), 320);
}

TEST(LayoutTest, SymbolsStayFactorsUntilTheyHaveValues) {
  const Axis pos{"pos", Extent::Symbol("C")}, slot{"slot", Extent::Symbol("S")};
  const SymbolicSize size =
      SymbolicByteSize({DType::kBF16, {slot, kHid, pos}, Layout::Panel(16, 2, "hid")});
  EXPECT_EQ(size.factor, 18);
  EXPECT_THAT(size.symbols, ElementsAre("S", "C"));
  EXPECT_EQ(SymbolicByteSize({DType::kI64, {}, {}}).factor, 8);
}

TEST(LayoutTest, APanelHoldsItsRowsAndTheirPadding) {
  EXPECT_EQ(PanelElements(Layout::Panel(16, 2, "k"), 37), 16 * 38);
  EXPECT_EQ(PanelBytes(DType::kBF16, Layout::Panel(16, 2, "k"), 37), 2 * 16 * 38);
  EXPECT_EQ(PanelBytes(DType::kI8, Layout::Panel(16, 4, "k"), 37), 16 * 40);
}

TEST(LayoutTest, RowMajorElementsFollowOneAnother) {
  const Type type{DType::kF32,
                  {{"a", Extent::Constant(2)}, {"b", Extent::Constant(3)}, {"c", kHid.extent}},
                  {}};
  EXPECT_EQ(ElementOffset(type, {0, 0, 0}), 0);
  EXPECT_EQ(ElementOffset(type, {1, 2, 8}), 2 * 3 * 9 - 1);
  EXPECT_EQ(ElementOffset(type, {1, 0, 4}), 27 + 4);
  EXPECT_EQ(ElementOffset({DType::kF32, {}, {}}, {}), 0);
}

TEST(LayoutTest, PanelElementsInterleaveRows) {
  const Type type = Matrix(DType::kBF16, 40, 8, Layout::Panel(16, 2, "k"));
  EXPECT_EQ(ElementOffset(type, {0, 1}), 1);
  EXPECT_EQ(ElementOffset(type, {1, 0}), 2);
  EXPECT_EQ(ElementOffset(type, {0, 2}), 32);
  EXPECT_EQ(ElementOffset(type, {16, 0}), 16 * 8);
  EXPECT_EQ(ElementOffset(type, {17, 3}), 128 + 32 + 2 + 1);
}

TEST(LayoutTest, TheOrderOfAMatrixsAxesDoesNotMoveItsPanels) {
  const Type rows = Matrix(DType::kI8, 21, 10, Layout::Panel(16, 4, "k"));
  const Type columns{DType::kI8, {rows.axes[1], rows.axes[0]}, rows.layout};
  for (int64_t n = 0; n < 21; ++n) {
    for (int64_t k = 0; k < 10; ++k) {
      ASSERT_EQ(ElementOffset(rows, {n, k}), ElementOffset(columns, {k, n})) << n << " " << k;
    }
  }
}

TEST(LayoutTest, EveryElementHasAPlaceOfItsOwnInsideTheValue) {
  for (const Layout& layout : {Layout{}, Layout::Panel(16, 1, "k"), Layout::Panel(16, 2, "k"),
                               Layout::Panel(16, 4, "k"), Layout::Panel(5, 3, "n")}) {
    Type type = Matrix(DType::kI8, 21, 10, layout);
    type.axes.insert(type.axes.begin(), kSlot);
    type.axes.insert(type.axes.begin() + 2, {"head", Extent::Constant(2)});
    std::set<int64_t> places;
    for (int64_t s = 0; s < 3; ++s) {
      for (int64_t n = 0; n < 21; ++n) {
        for (int64_t h = 0; h < 2; ++h) {
          for (int64_t k = 0; k < 10; ++k) places.insert(ElementOffset(type, {s, n, h, k}));
        }
      }
    }
    EXPECT_EQ(places.size(), 3u * 21 * 2 * 10) << ToString(type);
    EXPECT_EQ(*places.begin(), 0) << ToString(type);
    EXPECT_LT(*places.rbegin(), ByteSize(type, nullptr)) << ToString(type);
  }
}

TEST(LayoutTest, PanelsOfBlocksTakeTheBytesOfTheirBlocks) {
  // 21 rows fill two panels of 16, each of 64 / 32 groups of 16 blocks.
  const Type type = Matrix(DType::kQ4_0, 21, 64, Layout::Panel(16, 32, "k"));
  EXPECT_EQ(ByteSize(type, nullptr), 2 * 2 * 16 * 18);
  EXPECT_EQ(PanelBytes(type.dtype, type.layout, 64), 2 * 16 * 18);
  EXPECT_EQ(ByteSize(Matrix(DType::kQ6K, 21, 512, {}), nullptr), 21 * 2 * 210);
}

TEST(LayoutTest, BytesOfBlocksLieAloneInPanelsOf16RowsAndByUnitsInOthers) {
  EXPECT_EQ(BlockUnit(EncodingOf(DType::kQ4K), Layout::Panel(16, 256, "k")), 1);
  EXPECT_EQ(BlockUnit(EncodingOf(DType::kQ4K), Layout::Panel(8, 256, "k")), 4);
  EXPECT_EQ(BlockUnit(EncodingOf(DType::kQ8_0), Layout::Panel(8, 32, "k")), 2);
  EXPECT_EQ(BlockUnit(EncodingOf(DType::kMXFP4), Layout::Panel(8, 32, "k")), 1);
}

std::string BlocksError(const Type& type) {
  return std::string(CheckBlocks({32, 34}, type).message());
}

TEST(LayoutTest, BlocksFillTheAxisThatTheyLieAlong) {
  EXPECT_EQ(BlocksError(Matrix(DType::kI8, 5, 64, {})), "");
  EXPECT_EQ(BlocksError(Matrix(DType::kI8, 5, 40, {})), "k[40] is not whole blocks of 32 elements");
  // Of panels it is their own axis, wherever it stands.
  EXPECT_EQ(BlocksError(Matrix(DType::kI8, 64, 5, Layout::Panel(16, 32, "n"))), "");
  EXPECT_EQ(BlocksError(Matrix(DType::kI8, 40, 64, Layout::Panel(16, 32, "n"))),
            "n[40] is not whole blocks of 32 elements");
  EXPECT_EQ(BlocksError(Matrix(DType::kI8, 64, 64, Layout::Panel(16, 4, "n"))),
            "panels of blocks of 32 elements are as deep, not 4");
  EXPECT_EQ(BlocksError({DType::kI8, {kHid, kTok}, {}}),
            "tok[T] is not whole blocks of 32 elements");
  EXPECT_EQ(BlocksError({DType::kI8, {}, {}}), "blocks of 32 elements need an axis");
  EXPECT_TRUE(CheckBlocks({1, 2}, {DType::kBF16, {kTok, kHid}, {}}).ok());
}

}  // namespace
}  // namespace lluda::ir
