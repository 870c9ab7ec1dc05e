// Matmuls on packed weights, swept over what decides which code of a tile runs. For each pair of
// inputs in machine/tiles.def and each instruction set that this machine can run: every number of
// rows below, at and above a tile's, panels below, at and above a tile's, and sums that fill no
// whole steps. A row alone is what the formula says, and to the bit the same among others.
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

using ir::DType;

// An epilogue, and what it makes of a row's columns.
struct Statement {
  const char* name;
  const char* text;  // of the operands behind the weight, and of all that follows
  bool halves;       // the result has half the columns, and is bf16
  std::vector<double> (*finish)(std::vector<double> sums, const float* bias, const float* residual);
};

std::vector<double> Sums(std::vector<double> sums, const float*, const float*) { return sums; }
std::vector<double> Plus(std::vector<double> sums, const float* added) {
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += added[i];
  return sums;
}
std::vector<double> Gated(const std::vector<double>& sums) {
  std::vector<double> halves(sums.size() / 2);
  for (size_t i = 0; i < halves.size(); ++i) {
    halves[i] = sums[i] / (1 + std::exp(-sums[i])) * sums[halves.size() + i];
  }
  return halves;
}

const Statement kStatements[] = {
    {"plain", " over k", false, Sums},
    {"add", " %x over k {epilogue = add}", false,
     [](std::vector<double> sums, const float*, const float* residual) {
       return Plus(std::move(sums), residual);
     }},
    {"silu_mul", " over k -> m[$M] {epilogue = silu_mul, out = bf16}", true,
     [](std::vector<double> sums, const float*, const float*) { return Gated(sums); }},
    {"bias_add", " @b %x over k {epilogue = bias add}", false,
     [](std::vector<double> sums, const float* bias, const float* residual) {
       return Plus(Plus(std::move(sums), bias), residual);
     }},
    {"bias_silu_mul", " @b over k -> m[$M] {epilogue = bias silu_mul, out = bf16}", true,
     [](std::vector<double> sums, const float* bias, const float*) {
       return Gated(Plus(std::move(sums), bias));
     }},
};

// All numbers of rows up to one more than a tile has, and those around two tiles.
std::vector<int64_t> RowCounts(const TileRow& tile) {
  std::vector<int64_t> counts;
  for (int64_t rows = 1; rows <= tile.rows + 1; ++rows) counts.push_back(rows);
  for (int64_t rows = 2 * tile.rows - 1; rows <= 2 * tile.rows + 1; ++rows) counts.push_back(rows);
  return counts;
}

struct Shape {
  int64_t columns;
  int64_t depth_total;
};

// Panels below, at and above a tile's, with and without part of one; elements of a sum below and
// above a step of the tile, and as many as whole steps and interleaved rows take. Halves fill
// panels, and a tile takes its panels from both.
std::vector<Shape> ShapesOf(const TileRow& tile, bool halves) {
  const int64_t panels = tile.panels, depth = tile.depth;
  if (halves) return {{panels * kPanelRows, 2 * depth + 1}, {2 * panels * kPanelRows, 64}};
  return {{kPanelRows, 1},
          {panels * kPanelRows, 64},
          {panels * kPanelRows + 8, 2 * depth + 1},
          {(2 * panels + 1) * kPanelRows, 37}};
}

// Elements [begin, end) of rows of `row_bytes`.
std::vector<char> RowsOf(const std::vector<char>& data, int64_t row_bytes, int64_t begin,
                         int64_t end) {
  return {data.begin() + begin * row_bytes, data.begin() + end * row_bytes};
}

class TileSweepTest : public ::testing::TestWithParam<Statement> {
 protected:
  void Sweep(const Target& target, const TileRow& tile, const Shape& shape);
};

void TileSweepTest::Sweep(const Target& target, const TileRow& tile, const Shape& shape) {
  const Statement& statement = GetParam();
  const auto [columns, depth_total] = shape;
  SCOPED_TRACE(absl::StrCat(IsaName(target.isa), " ", ir::DTypeName(tile.a), " x ",
                            ir::DTypeName(tile.b), ", ", columns, " columns of ", depth_total));
  const int64_t results = statement.halves ? columns / 2 : columns;
  const DType result_dtype = statement.halves ? DType::kBF16 : DType::kF32;
  const auto module = PlannedTestModule(absl::StrReplaceAll(
      absl::StrReplaceAll(R"(
  weight @w : $B n[$N] k[$K] from "w"
  weight @b : f32 n[$N] from "b"
  load {
    @p = pack @w over k {tile = $$B} : $B n[$N] k[$K] @panel($$B, k)
  }
  func @f(%a: $A tok[T] k[$K], %x: f32 tok[T] n[$N]) -> $R {
    %r = matmul %a @p$S : $R
    return %r
  })",
                          {{"$S", statement.text},
                           {"$R", statement.halves ? "bf16 tok[T] m[$M]" : "f32 tok[T] n[$N]"}}),
      {{"$A", ir::DTypeName(tile.a)},
       {"$B", ir::DTypeName(tile.b)},
       {"$K", absl::StrCat(depth_total)},
       {"$N", absl::StrCat(columns)},
       {"$M", absl::StrCat(columns / 2)}}));
  ASSERT_NE(module, nullptr);
  const CompiledFunction function(*module, target);
  const int64_t rows = RowCounts(tile).back();
  const int64_t a_bytes = ir::BytesOf(tile.a, depth_total), x_bytes = columns * 4,
                result_bytes = ir::BytesOf(result_dtype, results);
  const std::vector<char> a_rows = Store(tile.a, RandomFloats(rows * depth_total, 11));
  const std::vector<char> x_rows = Store(DType::kF32, RandomFloats(rows * columns, 12));
  const auto states = function.NewStates({rows, 1, 64});
  const auto run = [&](int64_t begin, int64_t end) {
    return function.Run(*states, {end - begin, 1, 64},
                        {RowsOf(a_rows, a_bytes, begin, end), RowsOf(x_rows, x_bytes, begin, end)},
                        (end - begin) * result_bytes);
  };

  std::vector<char> alone;
  const std::vector<float> a = Widen(tile.a, a_rows), x = Widen(DType::kF32, x_rows),
                           w = Widen(tile.b, function.weight("w")),
                           bias = Widen(DType::kF32, function.weight("b"));
  for (int64_t row = 0; row < rows; ++row) {
    const std::vector<char> result = run(row, row + 1);
    alone.insert(alone.end(), result.begin(), result.end());
    std::vector<double> sums(columns, 0.0);
    for (int64_t n = 0; n < columns; ++n) {
      for (int64_t k = 0; k < depth_total; ++k) {
        sums[n] += double{a[row * depth_total + k]} * w[n * depth_total + k];
      }
    }
    const auto expected = statement.finish(std::move(sums), bias.data(), &x[row * columns]);
    const std::vector<float> values = Widen(result_dtype, result);
    const double relative = result_dtype == DType::kF32 ? 0 : 0x1p-8;  // a bf16's last bit
    for (int64_t n = 0; n < results; ++n) {
      ASSERT_NEAR(values[n], expected[n], 1e-5 + relative * std::fabs(expected[n]))
          << "row " << row << ", column " << n;
    }
  }
  for (const int64_t count : RowCounts(tile)) {
    ASSERT_EQ(run(0, count), RowsOf(alone, result_bytes, 0, count)) << count << " rows";
  }
}

TEST_P(TileSweepTest, ARowIsWhatTheFormulaSaysAloneAndAmongOthers) {
  const bool plain = std::string(GetParam().name) == "plain";
  for (const Target& target : RunnableTargets()) {
    for (const TileRow& inputs : AllTiles()) {
      if (inputs.isa != Isa::kGeneric) continue;     // that row lists each pair of inputs once
      if (!ir::IsFloat(inputs.b)) continue;          // attention's
      if (!plain && inputs.a != inputs.b) continue;  // epilogues see sums only
      const TileRow& tile = *target.FindMatmulTile(inputs.a, inputs.b);
      for (const Shape& shape : ShapesOf(tile, GetParam().halves)) {
        Sweep(target, tile, shape);
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TileSweepTest, ::testing::ValuesIn(kStatements),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace lluda::codegen
