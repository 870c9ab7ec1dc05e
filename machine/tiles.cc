#include "machine/tiles.h"

#include <algorithm>
#include <iterator>

namespace lluda::machine {
namespace {

constexpr absl::string_view kIsaNames[] = {
#define LLUDA_ISA(Enum, name, ...) name,
#include "machine/isa.def"
#undef LLUDA_ISA
};

constexpr TileRow kTiles[] = {
#define LLUDA_TILE(isa, a, b, accumulator, depth, dot, rows, panels) \
  {Isa::isa, ir::DType::a, ir::DType::b, ir::DType::accumulator, depth, Dot::dot, rows, panels},
#include "machine/tiles.def"
#undef LLUDA_TILE
};

constexpr IntegerTile kIntegerTiles[] = {
#define LLUDA_INTEGER_TILE(isa, dot, rows, panels) {Isa::isa, IntegerDot::dot, rows, panels},
#include "machine/integer_tiles.def"
#undef LLUDA_INTEGER_TILE
};

// Rows and numbers are bf16, whose panels have pairs.
constexpr TileRow kScaledTiles[] = {
#define LLUDA_SCALED_TILE(isa, dot, rows, panels)                                              \
  {Isa::isa, ir::DType::kBF16, ir::DType::kBF16, ir::DType::kF32, /*depth=*/2, Dot::dot, rows, \
   panels},
#include "machine/scaled_tiles.def"
#undef LLUDA_SCALED_TILE
};

struct BlockPanelRow {
  ir::DType b;
  int depth;
};
constexpr BlockPanelRow kBlockPanels[] = {
#define LLUDA_BLOCK_PANEL(b, depth) {ir::DType::b, depth},
#include "machine/block_panels.def"
#undef LLUDA_BLOCK_PANEL
};

}  // namespace

absl::string_view IsaName(Isa isa) { return kIsaNames[static_cast<int>(isa)]; }

std::vector<Isa> AllIsas() {
  std::vector<Isa> isas;
  for (size_t i = 0; i < std::size(kIsaNames); ++i) isas.push_back(static_cast<Isa>(i));
  return isas;
}

absl::Span<const TileRow> AllTiles() { return kTiles; }

const TileRow* FindTile(Isa isa, ir::DType a, ir::DType b) {
  const TileRow* found = nullptr;
  for (const TileRow& row : kTiles) {
    if (row.isa <= isa && row.a == a && row.b == b && row.dot != Dot::kAmx) found = &row;
  }
  return found;
}

const TileRow* FindMatmulTile(Isa isa, ir::DType a, ir::DType b) {
  const TileRow* found = nullptr;
  for (const TileRow& row : kTiles) {
    if (row.isa <= isa && row.a == a && row.b == b) found = &row;
  }
  return found;
}

const IntegerTile& FindIntegerTile(Isa isa) {
  const IntegerTile* found = &kIntegerTiles[0];
  for (const IntegerTile& row : kIntegerTiles) {
    if (row.isa <= isa) found = &row;
  }
  return *found;
}

const TileRow* FindScaledTile(Isa isa) {
  const TileRow* found = nullptr;
  for (const TileRow& row : kScaledTiles) {
    if (row.isa <= isa) found = &row;
  }
  return found;
}

std::optional<ir::PanelShape> PanelShapeOf(ir::DType b, ir::DType accumulator) {
  for (const TileRow& row : kTiles) {
    if (row.b == b && row.accumulator == accumulator) return ir::PanelShape{kPanelRows, row.depth};
  }
  for (const BlockPanelRow& row : kBlockPanels) {
    if (row.b == b && accumulator == ir::DType::kF32) return ir::PanelShape{kPanelRows, row.depth};
  }
  return std::nullopt;
}

std::optional<ir::PanelShape> PanelShapeOf(DeviceKind device, ir::DType b, ir::DType accumulator) {
  const std::optional<ir::PanelShape> shape = PanelShapeOf(b, accumulator);
  const bool is_plain = std::any_of(std::begin(kTiles), std::end(kTiles),
                                    [&](const TileRow& row) { return row.b == b; });
  if (device == DeviceKind::kCpu || !shape) return shape;
  return is_plain ? ir::PanelShape{1, 8} : ir::PanelShape{8, shape->depth};
}

}  // namespace lluda::machine
