#include "machine/tiles.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace lluda::machine {
namespace {

using ir::DType;

TEST(AllIsas, AreSortedFromTheOldestAndHaveNamesOfTheirOwn) {
  const std::vector<Isa> isas = AllIsas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), Isa::kGeneric);
  EXPECT_EQ(IsaName(Isa::kGeneric), "generic");
  EXPECT_EQ(IsaName(Isa::kAmx), "amx");
  EXPECT_TRUE(std::is_sorted(isas.begin(), isas.end()));
  std::set<absl::string_view> names;
  for (const Isa isa : isas) names.insert(IsaName(isa));
  EXPECT_EQ(names.size(), isas.size());
}

TEST(AllTiles, AreSortedByIsaSoThatTheLastRowIsTheNewest) {
  const auto tiles = AllTiles();
  EXPECT_TRUE(std::is_sorted(tiles.begin(), tiles.end(),
                             [](const TileRow& a, const TileRow& b) { return a.isa < b.isa; }));
}

TEST(AllTiles, GiveEveryInstructionSetATileForTheSameInputs) {
  std::set<std::pair<DType, DType>> inputs;
  for (const TileRow& row : AllTiles()) inputs.insert({row.a, row.b});
  for (const Isa isa : AllIsas()) {
    for (const auto& [a, b] : inputs) {
      EXPECT_NE(FindTile(isa, a, b), nullptr)
          << IsaName(isa) << " " << ir::DTypeName(a) << " " << ir::DTypeName(b);
    }
  }
}

TEST(AllTiles, HaveRowsAndAnEvenNumberOfPanels) {
  for (const TileRow& row : AllTiles()) {
    EXPECT_GE(row.rows, 1);
    EXPECT_EQ(row.panels % 2, 0) << "silu_mul pairs gate and up panels";
  }
}

TEST(FindScaledTile, MultipliesNumbersAsTheInstructionSetMultipliesBf16) {
  EXPECT_EQ(FindScaledTile(Isa::kAvx512), nullptr);
  for (const Isa isa : {Isa::kAvx512Bf16, Isa::kAmx}) {
    const TileRow* tile = FindScaledTile(isa);
    ASSERT_NE(tile, nullptr) << IsaName(isa);
    EXPECT_EQ(tile->dot, FindMatmulTile(isa, DType::kBF16, DType::kBF16)->dot) << IsaName(isa);
    EXPECT_EQ(tile->panels % 2, 0) << "silu_mul pairs gate and up panels";
    if (tile->dot != Dot::kBf16Pair) continue;
    EXPECT_LT(2 * tile->rows * tile->panels, 32) << "a step's sums and the results have registers";
  }
}

// What is packed once serves every instruction set, and whatever it is multiplied with.
TEST(AllTiles, AgreeOnTheDepthOfAPanel) {
  for (const TileRow& row : AllTiles()) {
    const auto tile = PanelShapeOf(row.b, row.accumulator);
    ASSERT_TRUE(tile.has_value());
    EXPECT_EQ(tile->rows, kPanelRows);
    EXPECT_EQ(tile->depth, row.depth) << IsaName(row.isa) << " " << ir::DTypeName(row.b);
  }
}

TEST(FindTile, PicksTheNewestRowThatTheInstructionSetRuns) {
  const TileRow& bf16 = *FindTile(Isa::kAvx512Bf16, DType::kBF16, DType::kBF16);
  EXPECT_EQ(bf16.isa, Isa::kAvx512Bf16);
  EXPECT_EQ(bf16.dot, Dot::kBf16Pair);
  // No row of its own for f32: the next older one serves.
  const TileRow& f32 = *FindTile(Isa::kAvx512Bf16, DType::kF32, DType::kF32);
  EXPECT_EQ(f32.isa, Isa::kAvx512);
  EXPECT_EQ(f32.dot, Dot::kWiden);
  EXPECT_EQ(FindTile(Isa::kAvx512, DType::kBF16, DType::kBF16)->dot, Dot::kWiden);
  EXPECT_EQ(FindTile(Isa::kGeneric, DType::kBF16, DType::kBF16)->isa, Isa::kGeneric);
}

TEST(FindTile, KeepsToVectorsWhereMatmulsHaveAmx) {
  EXPECT_EQ(FindMatmulTile(Isa::kAmx, DType::kBF16, DType::kBF16)->dot, Dot::kAmx);
  EXPECT_EQ(FindTile(Isa::kAmx, DType::kBF16, DType::kBF16)->dot, Dot::kWiden);
  EXPECT_EQ(FindMatmulTile(Isa::kAmx, DType::kF32, DType::kF32),
            FindTile(Isa::kAmx, DType::kF32, DType::kF32));
}

TEST(FindIntegerTile, PicksTheNewestRowThatTheInstructionSetRuns) {
  EXPECT_EQ(FindIntegerTile(Isa::kGeneric).dot, IntegerDot::kWidened);
  EXPECT_EQ(FindIntegerTile(Isa::kAvx2).dot, IntegerDot::kPairs);
  EXPECT_EQ(FindIntegerTile(Isa::kAvx512).dot, IntegerDot::kPairs);
  EXPECT_EQ(FindIntegerTile(Isa::kAvx512Bf16).dot, IntegerDot::kQuads);
  EXPECT_EQ(FindIntegerTile(Isa::kAmx).isa, Isa::kAvx512Bf16);
}

TEST(FindTile, ACacheOfIntegersIsReadAsOneOfTheQuerysType) {
  for (const Isa isa : AllIsas()) {
    for (const DType a : {DType::kF32, DType::kBF16}) {
      const TileRow& integers = *FindTile(isa, a, DType::kI8);
      const TileRow& floats = *FindTile(isa, a, a);
      EXPECT_EQ(integers.dot, floats.dot) << IsaName(isa);
      EXPECT_EQ(integers.rows, floats.rows) << IsaName(isa);
      EXPECT_EQ(integers.panels, floats.panels) << IsaName(isa);
    }
  }
}

TEST(FindTile, KnowsWhatHasNoTile) {
  EXPECT_EQ(FindTile(Isa::kAmx, DType::kI8, DType::kI8), nullptr);
  EXPECT_EQ(FindTile(Isa::kAmx, DType::kF16, DType::kF32), nullptr);
}

TEST(PanelShapeOf, PairsSixteenBitElements) {
  EXPECT_EQ(PanelShapeOf(DType::kF32, DType::kF32), (ir::PanelShape{16, 1}));
  EXPECT_EQ(PanelShapeOf(DType::kBF16, DType::kF32), (ir::PanelShape{16, 2}));
  EXPECT_EQ(PanelShapeOf(DType::kF16, DType::kF32), (ir::PanelShape{16, 2}));
  EXPECT_EQ(PanelShapeOf(DType::kI8, DType::kF32), (ir::PanelShape{16, 1}));
  EXPECT_EQ(PanelShapeOf(DType::kI8, DType::kI32), std::nullopt);
  EXPECT_EQ(PanelShapeOf(DType::kI64, DType::kF32), std::nullopt);
}

TEST(PanelShapeOf, OfAGpuIsARowInEightsAndEightRowsOfBlocks) {
  EXPECT_EQ(PanelShapeOf(DeviceKind::kGpu, DType::kBF16, DType::kF32), (ir::PanelShape{1, 8}));
  EXPECT_EQ(PanelShapeOf(DeviceKind::kGpu, DType::kF32, DType::kF32), (ir::PanelShape{1, 8}));
  EXPECT_EQ(PanelShapeOf(DeviceKind::kGpu, DType::kQ8_0, DType::kF32), (ir::PanelShape{8, 32}));
  EXPECT_EQ(PanelShapeOf(DeviceKind::kGpu, DType::kQ6K, DType::kF32), (ir::PanelShape{8, 256}));
  EXPECT_EQ(PanelShapeOf(DeviceKind::kGpu, DType::kI64, DType::kF32), std::nullopt);
  EXPECT_EQ(PanelShapeOf(DeviceKind::kCpu, DType::kBF16, DType::kF32),
            PanelShapeOf(DType::kBF16, DType::kF32));
}

}  // namespace
}  // namespace lluda::machine
