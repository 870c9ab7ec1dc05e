#include "codegen/cpu/matmul/panel_matmul.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/align.h"
#include "codegen/cpu/emit/transpose.h"
#include "codegen/cpu/matmul/blocks/integer_dot.h"
#include "codegen/cpu/matmul/expert_rows.h"
#include "codegen/cpu/matmul/head_epilogue.h"
#include "codegen/cpu/matmul/matmul_fetch.h"
#include "codegen/cpu/matmul/panel_dot.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Rows that are multiplied in one pass though they fill no tile.
constexpr int kMostFewRows = 8;
// Panels that stay in the second nearest cache while the rows go by.
constexpr int64_t kCachedPanelBytes = 384 << 10;
// Of rows whose number is known, so many are multiplied with all panels before the next ones are, as
// far as the second nearest cache has room for them: they are fetched once, and so is the memory that
// the result's rows lie in.
constexpr int64_t kBlockRows = 128;
constexpr int64_t kCachedRowBytes = 1280 << 10;
// An item of a block has so many panels at least. Interleaving its rows, which costs about as much as
// multiplying them with two thirds of a panel, is then a sixteenth of it.
constexpr int64_t kLeastBlockPanels = 10;

}  // namespace

KernelInfo PanelMatmul::Emit() {
  const bool heads = o_.head_panels > 0;
  const int64_t panel_bytes = o_.PanelBytes() * (o_.halves ? 2 : 1);
  const int64_t amx_block_rows = AmxBlockRows();
  const int64_t block_rows = amx_block_rows > 0 ? 0 : BlockRows();
  int64_t item_panels = heads ? o_.head_panels : o_.width;
  if (block_rows > 0) {
    const int64_t all = base::RoundUp(o_.panels, o_.width);
    const int64_t cached = kCachedPanelBytes / panel_bytes / o_.width * o_.width;
    cached_panels_ = std::clamp<int64_t>(cached, o_.width, all);
    item_panels = std::min(all, base::RoundUp(kLeastBlockPanels, cached_panels_));
  }
  const int64_t panel_items = (o_.panels + item_panels - 1) / item_panels;
  const int64_t item_bytes = panel_bytes * item_panels;
  KernelInfo info;
  info.work_axes = {{heads ? "heads" : "panels", ir::Extent::Constant(panel_items)}};
  info.item_cost = std::max<int64_t>(1, item_bytes / 32);
  if (block_rows > 0) {
    const int64_t blocks = (ConstantRows() + block_rows - 1) / block_rows;
    info.work_axes.insert(info.work_axes.begin(), {"blocks", ir::Extent::Constant(blocks)});
    info.item_cost *= block_rows;
  }
  if (amx_block_rows > 0) {
    info.work_axes.push_back(o_.RowAxes()[0]);
    info.item_rows = amx_block_rows;
    if (ConstantRows() > 0) info.item_cost *= std::min(ConstantRows(), amx_block_rows);
  }
  if (!o_.RowAxes().empty()) info.cost_symbol = o_.RowAxes()[0].extent.symbol;
  if (ChoosesExperts(o_.spec)) info.item_cost *= RowsOfToken();
  if (o_.tile.dot == Dot::kAmx) {
    info.scratch_bytes = kAmxConfigBytes + 2 * AmxSumBytes();
  } else if (!o_.RowAxes().empty() && !o_.IsInterleaved() && Interleaves()) {
    const int64_t tiles = InterleavesBlock() ? block_rows / o_.tile.rows : 1;
    info.scratch_bytes = tiles * InterleavedTileBytes() + base::kCacheLine;
  }
  if (heads) {
    head_rows_ = base::RoundUp(info.scratch_bytes, base::kCacheLine);
    info.scratch_bytes = head_rows_ + o_.tile.rows * o_.head_panels * kLanes * 4;
  }
  const int64_t items_at_once =
      heads || block_rows > 0 ? 1 : std::max<int64_t>(1, kCachedPanelBytes / item_bytes);
  if (blocks_) {
    info.scratch_bytes = blocks_->Place(info.scratch_bytes, items_at_once * item_panels,
                                        std::max(o_.tile.rows, kMostFewRows));
  }
  if (o_.tile.dot == Dot::kAmx) RememberConfiguration();
  if (amx_block_rows > 0) {
    EmitAmxItems(panel_items, item_panels, amx_block_rows);
    EmitAmxRelease(e_);
    return info;
  }
  e_.Loop(e_.Begin(), e_.End(), items_at_once, [&](Value* item) {
    Value* end = e_.Least(Integer(e_, item) + items_at_once, e_.End());
    item_ = item;
    if (block_rows > 0) {
      rows_begin_ = Integer(e_, item) / panel_items * block_rows;
      row_count_ =
          e_.Least(e_.Const(block_rows), Integer(e_, e_.Const(ConstantRows())) - rows_begin_);
      EmitBlock(Integer(e_, item) % panel_items * item_panels, item_panels);
      return;
    }
    first_panel_ = Integer(e_, item) * item_panels;
    end_panel_ = e_.Least(Integer(e_, end) * item_panels, e_.Const(o_.panels));
    if (ChoosesExperts(o_.spec)) {
      EmitExperts();
      return;
    }
    if (!o_.RowAxes().empty()) row_count_ = e_.ExtentValue(o_.RowAxes()[0].extent);
    EmitMatrix();
  });
  if (o_.tile.dot == Dot::kAmx) EmitAmxRelease(e_);
  return info;
}

// A block of rows times the panels of an item, as many at a time as stay near.
void PanelMatmul::EmitBlock(Value* first, int64_t item_panels) {
  if (InterleavesBlock()) InterleaveBlock();
  Value* last = e_.Least(Integer(e_, first) + item_panels, e_.Const(o_.panels));
  e_.Loop(first, last, cached_panels_, [&](Value* panel) {
    first_panel_ = panel;
    end_panel_ = e_.Least(Integer(e_, panel) + cached_panels_, last);
    EmitMatrix();
  });
}

// The rows, if there is one axis of them whose extent is known; else 0.
int64_t PanelMatmul::ConstantRows() const {
  const std::vector<ir::Axis> axes = o_.RowAxes();
  return axes.size() == 1 && axes[0].extent.is_constant() ? axes[0].extent.value : 0;
}

// Rows of an item, whole tiles; 0 where all rows are of each item.
int64_t PanelMatmul::BlockRows() const {
  if (ChoosesExperts(o_.spec) || o_.head_panels > 0 || ConstantRows() <= kBlockRows) return 0;
  const int64_t row_bytes = ir::BytesOf(o_.spec.operands[0].dtype, o_.depth_total);
  const int64_t rows = std::min(kBlockRows, kCachedRowBytes / row_bytes);
  return std::max<int64_t>(1, rows / o_.tile.rows) * o_.tile.rows;
}

// Rows that differ in their axes of constant extent.
int64_t PanelMatmul::RowsOfToken() const {
  int64_t rows = 1;
  for (const ir::Axis& axis : o_.RowAxes()) {
    if (axis.extent.is_constant()) rows *= axis.extent.value;
  }
  return rows;
}

// The panels of one expert after the other, times its rows.
void PanelMatmul::EmitExperts() {
  ForExpertRuns(e_, o_.spec, [&](Value* expert, Value* begin, Value* end) {
    const int64_t bytes = blocks_ ? blocks_->MatrixBytes()
                                  : ir::BytesOf(o_.spec.operands[1].dtype, o_.MatrixElements());
    matrix_ = e_.Address(e_.Buffer(1), Integer(e_, expert) * bytes, ir::DType::kI8);
    rows_begin_ = begin;
    row_count_ = Integer(e_, end) - begin;
    if (!blocks_) o_.ReadPanelsAt(matrix_, e_.Const(0), o_.panels);
    EmitMatrix();
  });
}

void PanelMatmul::EmitMatrix() {
  if (blocks_) {
    EmitBlockRows();
  } else {
    EmitRows();
  }
}

// The same as EmitRows for B in blocks.
void PanelMatmul::EmitBlockRows() {
  const auto expanded = [&] {
    blocks_->Expand(first_panel_, end_panel_, matrix_);
    EmitRows();
  };
  const int at_once = blocks_->RowsAtOnce(), most = blocks_->MostRows();
  if (at_once == 0) return expanded();
  const auto one_row = [&] { EmitRowsAsTheyLie({RowsBegin(), 1}, e_.Const(1)); };
  if (o_.RowAxes().empty()) return one_row();
  const auto several = [&] {
    if (at_once == 1) return expanded();
    e_.If(Integer(e_, row_count_) < most + 1, [&] { EmitFewRowsAsTheyLie(at_once); }, expanded);
  };
  e_.If(Integer(e_, row_count_) == 1, one_row, several);
}

void PanelMatmul::EmitFewRowsAsTheyLie(int at_once) {
  Value* end = Integer(e_, RowsBegin()) + row_count_;
  e_.Loop(RowsBegin(), end, at_once, [&](Value* row) {
    const Integer last(e_, e_.Least(Integer(e_, row) + at_once, end));
    EmitRowsAsTheyLie({row, at_once, last - 1}, last - row);
  });
}

// `count` (i64) rows times panels of blocks that were not expanded.
void PanelMatmul::EmitRowsAsTheyLie(const Rows& rows, Value* count) {
  first_row_ = rows.first;
  blocks_->PrepareRows(rows);
  ForPanels(blocks_->RowPanels(), [&](Value* first, int panels) {
    IfKept(rows, first,
           [&] { StoreSums(rows, first, panels, blocks_->RowSums(rows, first, panels, matrix_)); });
  });
  FinishHead(count);
}

// All rows times the panels of [first_panel_, end_panel_).
void PanelMatmul::EmitRows() {
  if (o_.tile.dot == Dot::kAmx) {
    EmitAmxRows();
    return;
  }
  if (o_.RowAxes().empty()) {
    first_row_ = e_.Const(0);
    EmitPanels({first_row_, 1}, o_.RowPointers({first_row_, 1}), 1);
    FinishHead(e_.Const(1));
    return;
  }
  const Integer rows(e_, row_count_);
  Value* rest = rows % o_.tile.rows;
  Value* whole = Integer(e_, RowsBegin()) + (rows - rest);
  e_.Loop(RowsBegin(), whole, o_.tile.rows, [&](Value* row) {
    first_row_ = row;
    EmitWholeTile({row, o_.tile.rows, nullptr, /*fills_tile=*/true});
    FinishHead(e_.Const(o_.tile.rows));
  });
  first_row_ = whole;
  EmitFewRows(whole, rest);
  FinishHead(rest);
}

void PanelMatmul::EmitWholeTile(const Rows& rows) {
  std::vector<Value*> a_rows = o_.RowPointers(rows);
  if (!o_.IsInterleaved() && !Interleaves()) {
    EmitPanels(rows, a_rows, 1);
    return;
  }
  // The rows before it are whole groups, so that it begins where it would row-major.
  Value* group = a_rows[0];
  if (!o_.IsInterleaved()) {
    const Integer tile = (Integer(e_, rows.first) - RowsBegin()) / o_.tile.rows;
    group = InterleavedTile(InterleavesBlock() ? tile : e_.Const(0));
    if (!InterleavesBlock()) Interleave(a_rows, group);
  }
  for (int i = 0; i < o_.tile.rows; ++i) {
    a_rows[i] = e_.Address(group, e_.Const(i), ir::DType::kF32);
  }
  EmitPanels(rows, a_rows, o_.tile.rows);
}

// Where the sums of a head's row, counted from first_row_, and a panel lie.
Value* PanelMatmul::HeadSums(Value* row, Value* panel) {
  const Integer in_head = Integer(e_, panel) - first_panel_;
  const Integer at = Integer(e_, row) * o_.head_panels + in_head;
  Value* rows = e_.Address(e_.Scratch(), e_.Const(head_rows_), ir::DType::kI8);
  return e_.Address(rows, at * kLanes, ir::DType::kF32);
}

// The sums of `count` rows from first_row_ on are there, for all panels of the item.
void PanelMatmul::FinishHead(Value* count) {
  if (o_.head_panels == 0) return;
  Indices indices = e_.IndicesOf(HeadAxes(o_.spec), item_, 1);
  const std::string row_axis = o_.RowAxes().empty() ? "" : o_.RowAxes()[0].name;
  if (!row_axis.empty()) indices[row_axis] = first_row_;
  HeadEpilogue(o_.spec, e_).EmitRows(HeadSums(e_.Const(0), first_panel_), count, row_axis, indices);
}

// The `count` rows from `row` on, fewer than a tile has: up to 8 in a single pass over the
// panels, which then come from memory only once and bound the time. A tile with more rows than
// there are does the last one several times over.
void PanelMatmul::EmitFewRows(Value* row, Value* count) {
  auto& b = e_.b();
  for (int size = kMostFewRows; size >= 1; size /= 2) {
    // Never as many are left.
    if (size > o_.tile.rows || size / 2 >= o_.tile.rows - 1) continue;
    Value* all = e_.Const(size);
    e_.If(b.CreateICmpSGT(count, e_.Const(size / 2)), [&] {
      Value* present = e_.Least(count, all);
      const Rows rows{row, size, Integer(e_, row) + present - 1};
      EmitPanels(rows, o_.RowPointers(rows), 1);
    });
    // A tile of `size` rows has left none, or it was too large for them.
    Value* done = b.CreateSelect(b.CreateICmpSGT(count, e_.Const(size / 2)), all, e_.Const(0));
    row = b.CreateAdd(row, done);
    count = b.CreateSub(count, done);
  }
}

// Whether the rows of whole tiles are copied to the scratch memory, where they are interleaved: a
// tile then reads one stream instead of one a row. Pays for itself where a tile has many rows.
bool PanelMatmul::Interleaves() const {
  return !integers_ && o_.HasManyRows() && o_.depth_total % (o_.DwordElements() * kLanes) == 0;
}

Value* PanelMatmul::InterleavedTile(Value* tile) {
  return e_.Address(e_.Scratch(), Integer(e_, tile) * InterleavedTileBytes(), ir::DType::kI8);
}

// Whether a block's tiles are interleaved before it meets the first panel, instead of each for the
// panels that stay near: where K is long, those are two.
bool PanelMatmul::InterleavesBlock() const {
  return cached_panels_ > 0 && !o_.IsInterleaved() && Interleaves();
}

void PanelMatmul::InterleaveBlock() {
  e_.Loop(e_.Const(0), Integer(e_, row_count_) / o_.tile.rows, 1, [&](Value* tile) {
    Value* row = Integer(e_, RowsBegin()) + Integer(e_, tile) * o_.tile.rows;
    Interleave(o_.RowPointers({row, o_.tile.rows}), InterleavedTile(tile));
  });
}

void PanelMatmul::Interleave(const std::vector<Value*>& a_rows, Value* to) {
  const ir::DType dtype = o_.spec.operands[0].dtype;
  const llvm::Align align = Emitter::AlignOf(dtype);
  e_.Loop(e_.Const(0), e_.Const(o_.depth_total / o_.DwordElements()), kLanes, [&](Value* dword) {
    std::vector<Value*> lines(kLanes, llvm::PoisonValue::get(e_.Int(32, kLanes)));
    for (size_t i = 0; i < a_rows.size(); ++i) {
      lines[i] = e_.b().CreateAlignedLoad(
          e_.Int(32, kLanes), e_.Address(a_rows[i], Integer(e_, dword) * o_.DwordElements(), dtype),
          align);
    }
    lines = Transpose(e_, std::move(lines));
    // A line is longer than a tile has rows: the next one overwrites what is too much.
    for (int i = 0; i < kLanes; ++i) {
      const Integer at = (Integer(e_, dword) + i) * o_.tile.rows;
      e_.b().CreateAlignedStore(lines[i], e_.Address(to, at, ir::DType::kF32), llvm::Align(4));
    }
  });
}

// The rows times all panels of the call's items.
void PanelMatmul::EmitPanels(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved) {
  if (IsScaled()) blocks_->PrepareTile(a_rows);
  ForPanels([&](Value* first, int count) {
    IfKept(rows, first, [&] { EmitTile(rows, a_rows, interleaved, first, count); });
  });
}

// Computes the rows' sums with a panel where one of them is kept.
void PanelMatmul::IfKept(const Rows& rows, Value* panel, const std::function<void()>& compute) {
  if (!kept_.Leaves()) return compute();
  IfKept(kept_.Any(rows, panel), compute, [&] { HideSums(rows, panel); });
}

void PanelMatmul::IfKept(Value* any, const std::function<void()>& compute,
                         const std::function<void()>& hide) {
  const auto counted = [&] {
    kept_.Count();
    compute();
  };
  e_.If(any, counted, hide);
}

void PanelMatmul::HideSums(const Rows& rows, Value* panel) {
  const std::vector<Value*> hidden = {kept_.Hidden()};
  store_.StoreTile(rows, panel, 1,
                   std::vector<std::vector<Value*>>(static_cast<size_t>(rows.count), hidden));
}

// The item's panels, as many at a time as a tile takes; at its end there may be fewer.
void PanelMatmul::ForPanels(const std::function<void(Value* first, int count)>& body) {
  ForPanels(o_.width, body);
}

void PanelMatmul::ForPanels(int width, const std::function<void(Value* first, int count)>& body) {
  const int64_t rest = (o_.head_panels > 0 ? o_.head_panels : o_.panels) % width;
  e_.Loop(first_panel_, end_panel_, width, [&](Value* first) {
    if (rest == 0) {
      body(first, width);
      return;
    }
    Value* whole = e_.b().CreateICmpSLE(Integer(e_, first) + width, end_panel_);
    e_.If(whole, [&] { body(first, width); }, [&] { body(first, static_cast<int>(rest)); });
  });
}

void PanelMatmul::EmitTile(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved,
                           Value* first, int count) {
  const TensorSpec& a = o_.spec.operands[0];
  const TensorSpec& b = o_.spec.operands[1];
  if (integers_) {
    const IntegerDot dot{*integers_, b.dtype, o_.depth_total,
                         rows.fills_tile ? 0 : e_.target().PrefetchBytes()};
    const std::vector<Value*> panels = o_.PanelPointers(first, count);
    StoreSums(rows, first, count, EmitIntegerDot(e_, dot, a_rows, panels));
    return;
  }
  if (IsScaled()) {
    StoreSums(rows, first, count, blocks_->TileSums(a_rows, first, count));
    return;
  }
  PanelDot dot{o_.tile.dot,
               a.dtype,
               b.dtype,
               o_.depth_total,
               rows.fills_tile || blocks_ ? 0 : e_.target().PrefetchBytes(),
               interleaved};
  // Expanded panels are near; after an expert's panels come those of another one.
  Value* next = nullptr;
  if (!blocks_ && matrix_ == nullptr) {
    next = Integer(e_, first) + (Integer(e_, end_panel_) - first_panel_);
  }
  MatmulFetch::Tile tile{rows, first, count, next, nullptr, nullptr, a_rows[0], interleaved};
  if (MatmulFetch::Applies(o_, tile)) {
    tile.row_tile = (Integer(e_, rows.first) - RowsBegin()) / o_.tile.rows;
    tile.row_tiles = Integer(e_, row_count_) / o_.tile.rows;
    dot.visit = MatmulFetch(o_, e_, tile);
  }
  StoreSums(rows, first, count, EmitPanelDot(e_, dot, a_rows, o_.PanelPointers(first, count)));
}

// Finishes the sums of rows and panels and stores them, or keeps them until a head has all.
void PanelMatmul::StoreSums(const Rows& rows, Value* first, int count,
                            std::vector<std::vector<Value*>> sums) {
  if (o_.head_panels == 0) {
    store_.StoreTile(rows, first, count, std::move(sums));
    return;
  }
  for (int i = 0; i < rows.count; ++i) {
    const Integer row = Integer(e_, o_.RowAt(rows, i)) - first_row_;
    for (int j = 0; j < count; ++j) {
      Value* at = HeadSums(row, Integer(e_, first) + j);
      e_.b().CreateAlignedStore(sums[i][j], at, llvm::Align(64));
    }
  }
}

}  // namespace lluda::codegen
