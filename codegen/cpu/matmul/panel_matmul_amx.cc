// PanelMatmul on tiles of AMX: rows in blocks, two tiles at a time, whose sums are finished on vectors
// while the next ones are multiplied.
#include <algorithm>
#include <utility>

#include "base/align.h"
#include "codegen/cpu/matmul/panel_matmul.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// A block of rows, whose number need not be known, fills half of the second nearest
// cache. The panels of a tile, those that come next and the result's lines fill the rest.
constexpr int64_t kMostAmxBlockRows = 512;
constexpr int64_t kAmxBlockBytes = 1 << 20;
// How far ahead of a tile of AMX expanded panels are asked for: two tiles.
constexpr int64_t kAmxPrefetchBytes = 2 * kAmxTileBytes;

}  // namespace

// The same for AMX, whose rows are in blocks whether their number is known or not.
int64_t PanelMatmul::AmxBlockRows() const {
  if (o_.tile.dot != Dot::kAmx || blocks_ || o_.RowAxes().size() != 1) return 0;
  const int64_t row_bytes = ir::BytesOf(o_.spec.operands[0].dtype, o_.depth_total);
  int64_t rows = kMostAmxBlockRows;
  while (rows > o_.tile.rows && rows * row_bytes > kAmxBlockBytes) rows /= 2;
  return rows;
}

// Items in the order of the blocks: a block's rows stay near while the panels go by.
void PanelMatmul::EmitAmxItems(int64_t panel_items, int64_t item_panels, int64_t block_rows) {
  const Integer rows(e_, e_.ExtentValue(o_.RowAxes()[0].extent));
  e_.Loop(e_.Begin(), e_.End(), 1, [&](Value* item) {
    item_ = Integer(e_, item) % panel_items;
    rows_begin_ = Integer(e_, item) / panel_items * block_rows;
    row_count_ = e_.Least(e_.Const(block_rows), rows - rows_begin_);
    first_panel_ = Integer(e_, item_) * item_panels;
    end_panel_ = e_.Least(Integer(e_, first_panel_) + item_panels, e_.Const(o_.panels));
    has_next_ = Integer(e_, item) + 1 < e_.End();
    // Behind the last panels come the first ones, with the next block.
    Value* are_last = e_.b().CreateICmpEQ(end_panel_, e_.Const(o_.panels));
    next_panel_ = e_.b().CreateSelect(are_last, e_.Const(0), end_panel_);
    EmitAmxRows();
  });
}

// The same with AMX: two A tiles at a time, the second of which may be smaller, or one. Where sums
// are finished behind, there is one round more, which multiplies nothing.
void PanelMatmul::EmitAmxRows() {
  const Integer rows(e_, o_.RowAxes().empty() ? e_.Const(1) : row_count_);
  const Integer end = Integer(e_, RowsBegin()) + rows;
  Value* last = FinishesBehind() ? end + o_.tile.rows : end;
  e_.Loop(RowsBegin(), last, o_.tile.rows, [&](Value* row) {
    first_row_ = row;
    Value* count = e_.Least(end - row, e_.Const(o_.tile.rows));
    const auto one_tile = [&] {
      Configure(count, {count});
      EmitAmxRowGroup(row, 1, count);
    };
    const auto two_tiles = [&] {
      Value* second = Integer(e_, count) - kAmxRows;
      Configure(count, {e_.Const(kAmxRows), second});
      EmitAmxRowGroup(row, 2, second);
    };
    if (o_.RowAxes().empty()) {
      one_tile();
    } else {
      Value* fits_one = Integer(e_, count) < kAmxRows + 1;
      if (FinishesBehind()) fits_one = e_.b().CreateAnd(fits_one, Integer(e_, count) > 0);
      e_.If(fits_one, one_tile, two_tiles);
    }
    FinishHead(count);
  });
}

// No tiles are set up yet.
void PanelMatmul::RememberConfiguration() {
  configured_ = e_.b().CreateAlloca(e_.b().getInt64Ty());
  e_.b().CreateStore(e_.Const(0), configured_);
}

// Sets the tiles up for `count` rows, unless they are or there are none.
void PanelMatmul::Configure(Value* count, const std::vector<Value*>& rows) {
  Value* now = e_.b().CreateLoad(e_.b().getInt64Ty(), configured_);
  Value* differs = e_.b().CreateICmpNE(now, count);
  e_.If(e_.b().CreateAnd(differs, Integer(e_, count) > 0), [&] {
    EmitAmxConfig(e_, e_.Scratch(), rows, IsScaled() ? blocks_->of_step() : kAmxDepth);
    e_.b().CreateStore(count, configured_);
  });
}

// The A tile that begins with this row and has so many: nullptr for all that a tile can have.
AmxRows PanelMatmul::AmxRowsAt(Value* row, Value* count) {
  const TensorSpec& a = o_.spec.operands[0];
  Value* stride = e_.Const(0);
  if (!o_.RowAxes().empty()) {
    stride = e_.b().CreateMul(e_.StrideValue(a.Find(o_.RowAxes()[0].name)->stride),
                              e_.Const(ir::BytesOf(a.dtype, 1)));
  }
  Value* first = o_.RowPointers({row, 1})[0];
  const AmxRows side_by_side = AmxRowsSideBySide(e_, first, stride);
  if (!o_.IsInterleaved()) return side_by_side;
  const AmxRows tiles = AmxTiles(e_, first);
  if (count == nullptr) return tiles;
  // Rows that fill no group follow row-major.
  Value* fills_group = Integer(e_, count) == kAmxRows;
  return {first, e_.b().CreateSelect(fills_group, tiles.stride, side_by_side.stride),
          e_.b().CreateSelect(fills_group, tiles.step, side_by_side.step)};
}

// `tiles` A tiles from `row` on, the last of `rows` rows, times the call's panels.
void PanelMatmul::EmitAmxRowGroup(Value* row, int tiles, Value* rows) {
  Value* all = Integer(e_, rows) + (tiles - 1) * kAmxRows;
  std::vector<AmxRows> a;
  for (int i = 0; i < tiles; ++i) {
    a.push_back(AmxRowsAt(Integer(e_, row) + i * kAmxRows, i + 1 < tiles ? nullptr : rows));
  }
  if (IsScaled()) blocks_->PrepareAmxTile(a, all);
  ForPanels([&](Value* first, int count) {
    const auto compute = [&] { EmitAmxTile(a, row, all, first, count); };
    if (!kept_.Leaves()) return compute();
    IfKept(kept_.Any(row, all, first), compute, [&] {
      e_.Loop(e_.Const(0), all, 1, [&](Value* r) { HideSums({Integer(e_, row) + r, 1}, first); });
    });
  });
}

// A group's rows, `all` from `row` on, times the panels [first, first + count).
void PanelMatmul::EmitAmxTile(const std::vector<AmxRows>& a, Value* row, Value* all, Value* first,
                              int count) {
  AmxDot dot{a, o_.PanelPointers(first, count), e_.Const(o_.depth_total)};
  if (IsScaled()) dot.depth = blocks_->of_step();
  if (a.size() == 1) {
    dot.prefetch_bytes = e_.target().PrefetchBytes();
  } else if (blocks_) {
    dot.prefetch_bytes = kAmxPrefetchBytes;
    if (o_.IsInterleaved()) dot.a_prefetch_bytes = kAmxPrefetchBytes;
  } else if (next_panel_ != nullptr) {
    dot.visit = [this, fetch = FetchOf(row, first, count)](Value* k) { EmitFetch(fetch, k); };
  }
  if (o_.head_panels > 0) {
    dot.out_row = o_.head_panels * kLanes;
    EmitAmxProduct(dot, first, count, all, HeadSums(e_.Const(0), first));
    return;
  }
  const auto panels = static_cast<int64_t>(dot.panels.size());
  dot.out_row = panels * kLanes;
  if (FinishesBehind() && a.size() == 2) FinishRowsBefore(row, all, first, count, &dot);
  EmitAmxProduct(dot, first, count, all, AmxSums(row, panels));
  if (!FinishesBehind()) FinishRows(row, Integer(e_, row) + all, first, count);
}

// Lets the product of the tile of rows at `row`, of which there are `all`, finish those before it; if
// there are none, those that are left of the block: a tile's, and behind it those of a single one.
void PanelMatmul::FinishRowsBefore(Value* row, Value* all, Value* first, int count, AmxDot* dot) {
  auto& b = e_.b();
  const int64_t steps = o_.depth_total / kAmxDepth;
  const int64_t rows_at_once = (o_.tile.rows + steps - 1) / steps;
  const Integer end = Integer(e_, RowsBegin()) + row_count_;
  const Integer before = Integer(e_, row) - o_.tile.rows;
  Value* is_single = b.CreateICmpSLE(end - before, e_.Const(kAmxRows));
  Value* left = b.CreateSelect(is_single, before - o_.tile.rows, before);
  dot->multiplies = Integer(e_, all) > 0;
  const Integer begin(e_, e_.Most(b.CreateSelect(dot->multiplies, before, left), RowsBegin()));
  const Integer limit(e_, b.CreateSelect(dot->multiplies, row, end));
  dot->visits = (limit - begin + (rows_at_once - 1)) / rows_at_once;
  dot->visit = [=, fetch = std::move(dot->visit)](Value* k) {
    fetch(k);
    const Integer at = begin + Integer(e_, k) / kAmxDepth * rows_at_once;
    FinishRows(at, e_.Least(at + rows_at_once, limit), first, count);
  };
}

// Whether sums of AMX are finished on vectors while the next rows' are multiplied, by which neither
// waits for the other.
bool PanelMatmul::FinishesBehind() const {
  return next_panel_ != nullptr && o_.head_panels == 0 && !kept_.Leaves();
}

// Where the sums of a row and `panels` panels lie: tiles of rows take two places in turns.
Value* PanelMatmul::AmxSums(Value* row, int64_t panels) {
  const Integer in_block = Integer(e_, row) - RowsBegin();
  const Integer place = in_block / o_.tile.rows % 2;
  const Integer at = place * AmxSumBytes() + in_block % o_.tile.rows * (panels * kLanes * 4);
  return e_.Address(e_.Scratch(), at + kAmxConfigBytes, ir::DType::kI8);
}

// Takes the sums of the rows [begin, end) and of panels through the epilogue, and stores them.
void PanelMatmul::FinishRows(Value* begin, Value* end, Value* first, int count) {
  const int64_t panels = int64_t{count} * (o_.halves ? 2 : 1);
  e_.Loop(begin, end, 1, [&](Value* row) {
    Value* from = AmxSums(row, panels);
    std::vector<Value*> sums;
    for (int64_t j = 0; j < panels; ++j) {
      Value* at = e_.Address(from, e_.Const(j * kLanes), ir::DType::kF32);
      sums.push_back(e_.Load(at, ir::DType::kF32, kLanes));
    }
    store_.StoreTile({row, 1}, first, count, {sums});
  });
}

// The products of an item share what the next one needs: where panels of K = 1024 meet 512 rows, each
// of 16 products of 32 steps brings in 32 of a panel's 512 lines, one a step. Nobody knows what the
// thread will do behind its last item. Panels that meet the rows of one tile alone are waited for:
// of them it is what comes next.
PanelMatmul::Fetch PanelMatmul::FetchOf(Value* row, Value* first, int count) {
  const Integer row_tiles = (Integer(e_, row_count_) + (o_.tile.rows - 1)) / o_.tile.rows;
  Value* meets_one = row_tiles == 1;
  const Integer lines = (row_tiles + (kAmxRows - 1)) / row_tiles;
  const Integer row_tile = (Integer(e_, row) - RowsBegin()) / o_.tile.rows;
  const Integer share = row_tile * (o_.depth_total / kAmxDepth) * lines * base::kCacheLine;
  const auto either = [&](Value* here, Value* next) {
    return e_.b().CreateSelect(meets_one, here, next);
  };
  Fetch fetch;
  Value* panel = either(first, Integer(e_, next_panel_) + (Integer(e_, first) - first_panel_));
  Value* begin = either(e_.Const(e_.target().PrefetchBytes()), share);
  for (Value* place : o_.PanelPointers(panel, count)) {
    fetch.places.push_back(e_.Address(place, begin, ir::DType::kI8));
  }
  Value* wanted = e_.b().CreateAnd(has_next_, row_tile < row_tiles);
  fetch.lines = either(lines, e_.b().CreateSelect(wanted, lines, e_.Const(0)));
  return fetch;
}

void PanelMatmul::EmitFetch(const Fetch& fetch, Value* k) {
  const Integer begin = Integer(e_, k) / kAmxDepth * fetch.lines;
  e_.Loop(begin, begin + fetch.lines, 1, [&](Value* line) {
    for (Value* place : fetch.places) {
      e_.PrefetchNear(e_.Address(place, Integer(e_, line) * base::kCacheLine, ir::DType::kI8));
    }
  });
}

// Of `rows` rows (i64) and `count` panels from `first` on.
void PanelMatmul::EmitAmxProduct(const AmxDot& dot, Value* first, int count, Value* rows,
                                 Value* out) {
  if (!IsScaled()) return EmitAmxDot(e_, dot, out);
  blocks_->AmxSums(dot, first, count, rows, out);
}

}  // namespace lluda::codegen
