#include "tools/verify/placed_value.h"

#include <numeric>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

using ::testing::ElementsAre;

ir::Tensor Counted(const ir::Type& type, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  return ir::Tensor::OfFloats(type, std::move(values));
}

ir::Type Floats(int64_t rows, int64_t columns) {
  return {ir::DType::kF32,
          {{"row", ir::Extent::Constant(rows)}, {"col", ir::Extent::Constant(columns)}},
          {}};
}

TEST(PlacedValueTest, APanelsRowsLieSideBySideAndItsPaddingStaysAsItIs) {
  const ir::Tensor value = Counted(Floats(3, 4), 12);
  std::vector<float> memory(16, 0.0f);
  const Placement panels{ir::Layout::Panel(2, 2, "col")};
  auto* bytes = reinterpret_cast<char*>(memory.data());
  WritePlaced(value, panels, bytes);
  EXPECT_THAT(memory, ElementsAre(1, 2, 5, 6, 3, 4, 7, 8,  //
                                  9, 10, 0, 0, 11, 12, 0, 0));
  EXPECT_EQ(ReadPlaced(value.type(), panels, bytes).floats(), value.floats());
}

TEST(PlacedValueTest, APanelOfAnInnerAxisRepeatsForEachOuterOne) {
  const ir::Type type{ir::DType::kF32,
                      {{"head", ir::Extent::Constant(2)},
                       {"pos", ir::Extent::Constant(2)},
                       {"dim", ir::Extent::Constant(1)}},
                      {}};
  const ir::Tensor value = Counted(type, 4);
  std::vector<float> memory(8, 0.0f);
  WritePlaced(value, {ir::Layout::Panel(2, 2, "dim")}, reinterpret_cast<char*>(memory.data()));
  EXPECT_THAT(memory, ElementsAre(1, 0, 2, 0, 3, 0, 4, 0));
}

TEST(PlacedValueTest, RowsAreInterleavedUpToTheLastWholeGroup) {
  const ir::Tensor value = Counted(Floats(3, 2), 6);
  std::vector<float> memory(6, 0.0f);
  const Placement groups{{}, /*interleaved_rows=*/2};
  auto* bytes = reinterpret_cast<char*>(memory.data());
  WritePlaced(value, groups, bytes);
  EXPECT_THAT(memory, ElementsAre(1, 3, 2, 4, 5, 6));
  EXPECT_EQ(ReadPlaced(value.type(), groups, bytes).floats(), value.floats());
}

TEST(PlacedValueTest, SixteenBitsAndIntegersKeepTheirValues) {
  const ir::Type bf16{ir::DType::kBF16, {{"x", ir::Extent::Constant(2)}}, {}};
  std::string bytes(4, '\0');
  WritePlaced(ir::Tensor::OfFloats(bf16, {1.5f, -2.0f}), {}, bytes.data());
  EXPECT_EQ(bytes, std::string("\xc0\x3f\x00\xc0", 4));
  EXPECT_THAT(ReadPlaced(bf16, {}, bytes.data()).floats(), ElementsAre(1.5f, -2.0f));
  const ir::Type i8{ir::DType::kI8, {{"x", ir::Extent::Constant(2)}}, {}};
  WritePlaced(ir::Tensor::OfInts(i8, {-128, 127}), {}, bytes.data());
  EXPECT_EQ(bytes.substr(0, 2), "\x80\x7f");
  EXPECT_THAT(ReadPlaced(i8, {}, bytes.data()).ints(), ElementsAre(-128, 127));
}

TEST(PlacedValueTest, BlocksOfSixteenRowsTakeTurnsByteByByte) {
  // 17 rows of two blocks of 18 bytes.
  const ir::Type type{
      ir::DType::kQ4_0, {{"n", ir::Extent::Constant(17)}, {"k", ir::Extent::Constant(64)}}, {}};
  ir::Tensor value(type);
  for (size_t i = 0; i < value.blocks().size(); ++i) {
    value.mutable_blocks()[i] = static_cast<std::byte>(i % 251);
  }
  const Placement panels{ir::Layout::Panel(16, 32, "k")};
  std::vector<char> bytes(2 * 16 * 36);
  WritePlaced(value, panels, bytes.data());
  EXPECT_EQ(bytes[3 * 16 + 5], static_cast<char>((5 * 36 + 3) % 251));
  EXPECT_EQ(bytes[16 * 36 + 20 * 16], static_cast<char>((16 * 36 + 20) % 251));
  EXPECT_EQ(ReadPlaced(type, panels, bytes.data()).blocks(), value.blocks());
}

}  // namespace
}  // namespace lluda::tools
