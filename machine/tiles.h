// What the machines that code is generated for multiply with: tables, for the code generator and
// for the passes that lay out memory for it. Knows no LLVM.
//
// Example: FindMatmulTile(Isa::kAvx512Bf16, DType::kBF16, DType::kBF16) is a tile of 12 rows and 2
// panels, and the panels it reads have the shape PanelShapeOf(DType::kBF16, DType::kF32), 16x2.
#ifndef LLUDA_MACHINE_TILES_H_
#define LLUDA_MACHINE_TILES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ir/op/attrs.h"
#include "ir/type/dtype.h"

namespace lluda::machine {

enum class Isa : uint8_t {
#define LLUDA_ISA(Enum, ...) Enum,
#include "machine/isa.def"
#undef LLUDA_ISA
};

absl::string_view IsaName(Isa isa);
// All of them, oldest first.
std::vector<Isa> AllIsas();

// What runs the code, as far as passes ask: how it wants matrices to lie.
enum class DeviceKind : uint8_t { kCpu, kGpu };

// How a tile multiplies; tiles.def says what each means.
enum class Dot : uint8_t { kWiden, kBf16Pair, kAmx };

// How a tile multiplies the integers of blocks; integer_tiles.def says what each means.
enum class IntegerDot : uint8_t { kWidened, kPairs, kQuads };

// Columns of a panel: one 512-bit register of 4-byte sums, or several narrower ones.
inline constexpr int kPanelRows = 16;

// Positions of a cache that attention takes together. In a ring of positions they lie together, too:
// it is whole ones.
inline constexpr int64_t kCacheSection = 256;

struct TileRow {
  Isa isa;
  ir::DType a;
  ir::DType b;
  ir::DType accumulator;
  int depth;  // elements of B along the contracted axis that lie together
  Dot dot;
  int rows;
  int panels;
};

absl::Span<const TileRow> AllTiles();

// The tile for these inputs: the last row of the table that this ISA can run, or nullptr. The
// accumulators of FindTile's are vectors; FindMatmulTile's may be AMX tiles.
const TileRow* FindTile(Isa isa, ir::DType a, ir::DType b);
const TileRow* FindMatmulTile(Isa isa, ir::DType a, ir::DType b);

// A tile for operands that both hold integers in blocks.
struct IntegerTile {
  Isa isa;
  IntegerDot dot;
  int rows;
  int panels;
};
// The last row of the table that this ISA can run.
const IntegerTile& FindIntegerTile(Isa isa);

// The tile that multiplies rows of bf16 with the numbers of blocks, as bf16, and scales steps of them:
// the last row of scaled_tiles.def that this ISA can run, or nullptr.
const TileRow* FindScaledTile(Isa isa);

// The shape of the panels in which elements of this dtype are multiplied as B: the same for every
// ISA and every A, so that what is packed once serves all of them. Nothing when no tile does. Of
// dtypes in blocks it is a row of block_panels.def.
std::optional<ir::PanelShape> PanelShapeOf(ir::DType b, ir::DType accumulator);
// The same by the device. A GPU's panels are a row each, in eights, whatever plain dtype: 1x8. A
// thread reads an eight at once, and a warp's eights follow one another. Of dtypes in blocks they are 8
// rows, which are the columns of a tensor core's product, and as deep as a block: 8x32.
std::optional<ir::PanelShape> PanelShapeOf(DeviceKind device, ir::DType b, ir::DType accumulator);

}  // namespace lluda::machine

#endif  // LLUDA_MACHINE_TILES_H_
