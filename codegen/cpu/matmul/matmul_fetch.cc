#include "codegen/cpu/matmul/matmul_fetch.h"

#include <algorithm>

#include "base/align.h"
#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/cpu/matmul/panel_dot.h"
#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

using base::kCacheLine;

int64_t VisitDepthOf(const KernelSpec& spec) {
  return VisitDepth(spec.operands[0].dtype, spec.operands[1].dtype);
}

}  // namespace

bool MatmulFetch::Applies(const MatmulOperands& operands, const Tile& tile) {
  return tile.rows.fills_tile && operands.HasManyRows() &&
         operands.depth_total % VisitDepthOf(operands.spec) == 0;
}

MatmulFetch::MatmulFetch(const MatmulOperands& operands, Emitter& e, const Tile& tile)
    : o_(operands), e_(e), tile_(tile), lines_(LinesAVisit()), next_(NextPanels()) {}

void MatmulFetch::operator()(Value* k) const {
  FetchPanels(k);
  FetchRows(k);
  FetchResult(k);
}

// Elements of K between two visits.
int64_t MatmulFetch::Step() const { return VisitDepthOf(o_.spec); }

// The tiles of rows share a panel: a line a visit where there are eight, all eight where there is one.
Value* MatmulFetch::LinesAVisit() const {
  if (tile_.next == nullptr) return nullptr;
  const int64_t slices = o_.PanelBytes() / (o_.depth_total / Step() * kCacheLine);
  return (Integer(e_, tile_.row_tiles) + (slices - 1)) / tile_.row_tiles;
}

// Where this tile begins to fetch of the panels that the thread will most likely need after the
// call's own. Each tile of rows brings in its share of every panel, until all of it is there.
// Without, the first tile of the next call would wait for memory line by line.
// Example: with 100 rows in tiles of 12 and panels of 32 KB, the tile of rows 24..35 fetches the 4 KB
// from 8 KB on.
std::vector<Value*> MatmulFetch::NextPanels() const {
  if (tile_.next == nullptr) return {};
  const Integer slice = Integer(e_, lines_) * (o_.depth_total / Step() * kCacheLine);
  Value* at =
      e_.Least(Integer(e_, tile_.row_tile) * slice, Integer(e_, e_.Const(o_.PanelBytes())) - slice);
  Value* next = e_.Least(tile_.next, e_.Const(o_.panels - tile_.count));
  std::vector<Value*> places = o_.PanelPointers(next, tile_.count);
  for (Value*& place : places) place = e_.Address(place, at, ir::DType::kI8);
  return places;
}

void MatmulFetch::FetchPanels(Value* k) const {
  if (lines_ == nullptr) return;
  const Integer begin = Integer(e_, k) / Step() * lines_;
  e_.Loop(begin, begin + lines_, 1, [&](Value* line) {
    const Integer at = Integer(e_, line) * kCacheLine;
    for (Value* place : next_) e_.PrefetchNear(e_.Address(place, at, ir::DType::kI8));
  });
}

// The next group of rows: what lies behind this one by its size.
void MatmulFetch::FetchRows(Value* k) const {
  if (!o_.IsInterleaved()) return;
  const int64_t element_bytes = ir::BytesOf(o_.spec.operands[0].dtype, tile_.a_interleaved);
  Value* here = e_.Address(tile_.a, Integer(e_, k) * element_bytes, ir::DType::kI8);
  const int64_t group_bytes = o_.depth_total * element_bytes;
  for (int64_t line = 0; line < Step() * element_bytes; line += kCacheLine) {
    e_.PrefetchNear(e_.Address(here, e_.Const(group_bytes + line), ir::DType::kI8));
  }
}

// The lines that the tile will add and store, row by row.
void MatmulFetch::FetchResult(Value* k) const {
  if (o_.head_panels > 0) return;  // sums go to scratch memory, which is near
  const Integer visit = Integer(e_, k) / Step();
  if (o_.spec.result.interleaved_rows > 0) {
    FetchResultRowGroup(visit);
    return;
  }
  const int64_t visits_per_row = std::max<int64_t>(1, o_.depth_total / Step() / o_.tile.rows);
  const Integer row = visit / visits_per_row;
  Value* begins = visit % visits_per_row == 0;
  e_.If(e_.b().CreateAnd(begins, row < o_.tile.rows),
        [&] { FetchResultRow(Integer(e_, tile_.rows.first) + row); });
}

void MatmulFetch::FetchResultRow(Value* row) const {
  const int residual = o_.ResidualOperand();
  for (int j = 0; j < tile_.count; ++j) {
    const Integer panel = Integer(e_, tile_.first) + j;
    e_.PrefetchForWrite(o_.ColumnAddress(o_.ResultBuffer(), o_.spec.result, row, panel, 0));
    if (residual >= 0) {
      const TensorSpec& tensor = o_.spec.operands[residual];
      e_.Prefetch(o_.ColumnAddress(e_.Buffer(residual), tensor, row, panel, 0), 0);
    }
  }
}

// The tile's part of a group lies together.
void MatmulFetch::FetchResultRowGroup(Value* visit) const {
  const TensorSpec& result = o_.spec.result;
  const int64_t bytes = ir::BytesOf(result.dtype, int64_t{kLanes} * o_.tile.rows * tile_.count);
  e_.If(Integer(e_, visit) < bytes / kCacheLine, [&] {
    Value* group = RowGroupAddress(e_, result, o_.ResultBuffer(), tile_.rows.first,
                                   Integer(e_, tile_.first) * kLanes);
    e_.PrefetchForWrite(e_.Address(group, Integer(e_, visit) * kCacheLine, ir::DType::kI8));
  });
}

}  // namespace lluda::codegen
