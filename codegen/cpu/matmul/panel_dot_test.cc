// Tiles as machine code, for every row of machine/tiles.def that this machine can run, against the
// sum that panel_dot.h promises.
#include "codegen/cpu/matmul/panel_dot.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

using ir::DType;

// Memory on a line's edge, as panels lie.
struct alignas(64) Line {
  char bytes[64];
};
std::vector<Line> OnLines(const std::vector<char>& bytes) {
  std::vector<Line> lines((bytes.size() + sizeof(Line) - 1) / sizeof(Line));
  std::memcpy(lines.data(), bytes.data(), bytes.size());
  return lines;
}

std::vector<float> RandomElements(DType dtype, int64_t count, uint32_t seed) {
  std::vector<float> values = RandomFloats(count, seed);
  for (float& value : values) {
    value = ir::IsFloat(dtype) ? ir::RoundTo(dtype, value) : std::trunc(value * 127);
  }
  return values;
}

// `panels` panels of `depth_total` elements for 16 columns each, which are b[panel][k][column].
std::vector<Line> Pack(const TileRow& tile, int64_t depth_total, int64_t panels,
                       const std::vector<float>& b) {
  const int64_t depth = tile.depth;
  const int64_t padded = (depth_total + depth - 1) / depth * depth;
  std::vector<float> packed(static_cast<size_t>(panels * padded * kLanes), 0.0f);
  for (int64_t p = 0; p < panels; ++p) {
    for (int64_t k = 0; k < depth_total; ++k) {
      for (int64_t c = 0; c < kLanes; ++c) {
        packed[p * padded * kLanes + k / depth * depth * kLanes + c * depth + k % depth] =
            b[(p * depth_total + k) * kLanes + c];
      }
    }
  }
  return OnLines(Store(tile.b, packed));
}

// The rows a[row][k] one behind the other, or, with `interleaved` of them, in turns of 4 bytes.
std::vector<char> Rows(DType dtype, int64_t rows, int64_t depth_total, bool interleaved,
                       const std::vector<float>& a) {
  if (!interleaved) return Store(dtype, a);
  const int64_t together = ir::DwordElements(dtype);
  std::vector<float> turns(a.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < depth_total; ++k) {
      turns[(k / together * rows + row) * together + k % together] = a[row * depth_total + k];
    }
  }
  return Store(dtype, turns);
}

struct Shape {
  int rows;
  int panels;
  int64_t depth_total;
  bool interleaved = false;
};

void ExpectSums(const Target& target, const TileRow& tile, const Shape& shape) {
  SCOPED_TRACE(::testing::Message() << IsaName(target.isa) << " " << ir::DTypeName(tile.a) << " x "
                                    << ir::DTypeName(tile.b) << ": " << shape.rows << " rows, "
                                    << shape.panels << " panels, " << shape.depth_total
                                    << (shape.interleaved ? " interleaved" : "") << " elements");
  const int64_t together = ir::DwordElements(tile.a);
  const int64_t padded = (shape.depth_total + tile.depth - 1) / tile.depth * tile.depth;
  const EmittedKernel kernel(target, [&](Emitter& e) {
    PanelDot dot{tile.dot, tile.a, tile.b, shape.depth_total};
    if (shape.interleaved) dot.a_interleaved = shape.rows;
    std::vector<Value*> a_rows, panels;
    for (int row = 0; row < shape.rows; ++row) {
      const int64_t first = row * (shape.interleaved ? together : shape.depth_total);
      a_rows.push_back(e.Address(e.Buffer(0), e.Const(first), tile.a));
    }
    for (int panel = 0; panel < shape.panels; ++panel) {
      panels.push_back(e.Address(e.Buffer(1), e.Const(panel * padded * kLanes), tile.b));
    }
    const auto sums = EmitPanelDot(e, dot, a_rows, panels);
    for (int row = 0; row < shape.rows; ++row) {
      for (int panel = 0; panel < shape.panels; ++panel) {
        Value* at = e.Const((row * shape.panels + panel) * kLanes);
        e.Store(e.Address(e.Buffer(2), at, DType::kF32), DType::kF32, sums[row][panel]);
      }
    }
  });
  const auto a = RandomElements(tile.a, shape.rows * shape.depth_total, 1);
  const auto b = RandomElements(tile.b, shape.panels * shape.depth_total * kLanes, 2);
  std::vector<char> rows = Rows(tile.a, shape.rows, shape.depth_total, shape.interleaved, a);
  std::vector<Line> panels = Pack(tile, shape.depth_total, shape.panels, b);
  std::vector<float> sums(static_cast<size_t>(shape.rows * shape.panels * kLanes), NAN);
  kernel.Run({rows.data(), panels.data(), sums.data()});
  for (int64_t i = 0; i < static_cast<int64_t>(sums.size()); ++i) {
    const int64_t column = i % kLanes, panel = i / kLanes % shape.panels,
                  row = i / kLanes / shape.panels;
    float sum = 0, magnitude = 0;
    for (int64_t k = 0; k < shape.depth_total; ++k) {
      const float x = a[row * shape.depth_total + k];
      const float y = b[(panel * shape.depth_total + k) * kLanes + column];
      sum = target.has_fma() ? std::fma(x, y, sum) : x * y + sum;
      magnitude += std::fabs(x * y);
    }
    if (tile.dot == Dot::kWiden) {
      ASSERT_EQ(sums[i], sum) << "row " << row << ", panel " << panel << ", column " << column;
    } else {  // adds the products of a pair at once
      ASSERT_NEAR(sums[i], sum, 1e-6 * magnitude)
          << "row " << row << ", panel " << panel << ", column " << column;
    }
  }
}

// The tiles that vectors compute, each for the instruction set that is asked for.
void ForEachTile(const std::function<void(const Target&, const TileRow&)>& body) {
  for (const Target& target : RunnableTargets()) {
    for (const TileRow& inputs : AllTiles()) {
      if (inputs.isa == Isa::kGeneric) body(target, *target.FindTile(inputs.a, inputs.b));
    }
  }
}

TEST(EmitPanelDot, AddsTheProductsFromTheFrontToTheBack) {
  ForEachTile([](const Target& target, const TileRow& tile) {
    // Of one element, of fewer than a loop takes at a time, of an odd number, of whole loops.
    ExpectSums(target, tile, {1, 1, 33});
    for (const int64_t depth_total : {1, 2, 7, 33, 64}) {
      ExpectSums(target, tile, {tile.rows, tile.panels, depth_total});
      if (::testing::Test::HasFailure()) return;
    }
  });
}

TEST(EmitPanelDot, TakesFewerAndMoreRowsAndPanelsThanATileHas) {
  ForEachTile([](const Target& target, const TileRow& tile) {
    for (const int rows : {1, tile.rows - 1, tile.rows + 1}) {
      for (const int panels : {1, tile.panels + 1}) {
        if (rows > 0) ExpectSums(target, tile, {rows, panels, 9});
      }
    }
  });
}

TEST(EmitPanelDot, ReadsInterleavedRows) {
  ForEachTile([](const Target& target, const TileRow& tile) {
    if (tile.rows == 1) return;
    for (const int64_t depth_total : {16, 38}) {
      ExpectSums(target, tile, {tile.rows, tile.panels, depth_total, /*interleaved=*/true});
    }
  });
}

TEST(EmitPanelDot, VisitsEveryStretchOfTheContractedAxisOnceAndInOrder) {
  ForEachTile([](const Target& target, const TileRow& tile) {
    SCOPED_TRACE(::testing::Message() << IsaName(target.isa) << " " << ir::DTypeName(tile.b));
    constexpr int64_t kVisits = 5;
    const int64_t stretch = VisitDepth(tile.a, tile.b);
    const EmittedKernel kernel(target, [&](Emitter& e) {
      auto& b = e.b();
      PanelDot dot{tile.dot, tile.a, tile.b, kVisits * stretch};
      // Of each visit, how many there were before it.
      dot.visit = [&](Value* k) {
        const auto at = [&](Value* i) { return e.Address(e.Buffer(2), i, DType::kI64); };
        const llvm::Align align(8);
        Value* before = b.CreateAlignedLoad(b.getInt64Ty(), at(e.Const(kVisits)), align);
        b.CreateAlignedStore(before, at(b.CreateUDiv(k, e.Const(stretch))), align);
        b.CreateAlignedStore(b.CreateAdd(before, e.Const(1)), at(e.Const(kVisits)), align);
      };
      EmitPanelDot(e, dot, {e.Buffer(0)}, {e.Buffer(1)});
    });
    std::vector<Line> zeros(static_cast<size_t>(kVisits * stretch));
    std::vector<int64_t> visits(kVisits + 1, 0);
    kernel.Run({zeros.data(), zeros.data(), visits.data()});
    EXPECT_EQ(visits, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  });
}

}  // namespace
}  // namespace lluda::codegen
