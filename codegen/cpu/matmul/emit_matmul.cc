// matmul. B in panels (the packed weights): register tiles from machine/tiles.def. Anything else,
// such as the scores of an unfused attention: one dot product per result element.
#include "codegen/cpu/matmul/emit_matmul.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/align.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/emit/transpose.h"
#include "codegen/cpu/matmul/block_panels.h"
#include "codegen/cpu/matmul/blocks/integer_dot.h"
#include "codegen/cpu/matmul/expert_rows.h"
#include "codegen/cpu/matmul/general_matmul.h"
#include "codegen/cpu/matmul/head_epilogue.h"
#include "codegen/cpu/matmul/kept_panels.h"
#include "codegen/cpu/matmul/matmul_fetch.h"
#include "codegen/cpu/matmul/matmul_operands.h"
#include "codegen/cpu/matmul/matmul_store.h"
#include "codegen/cpu/matmul/panel_dot.h"
#include "codegen/emit/column_epilogue.h"
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
// The same of AMX's rows, whose number need not be known: a block fills half of the second nearest
// cache. The panels of a tile, those that come next and the result's lines fill the rest.
constexpr int64_t kMostAmxBlockRows = 512;
constexpr int64_t kAmxBlockBytes = 1 << 20;
// How far ahead of a tile of AMX expanded panels are asked for: two tiles.
constexpr int64_t kAmxPrefetchBytes = 2 * kAmxTileBytes;

// A matmul on packed weights: [rows] x [K] times N columns.
class PanelMatmul {
 public:
  using Rows = MatmulOperands::Rows;

  // `blocks` is the dtype that B has where the spec says f32 or bf16, as its panels are expanded
  // first: to their values, or for AMX to numbers and scales. `integers` is how two operands in
  // blocks are multiplied.
  PanelMatmul(const KernelSpec& spec, Emitter& e, const TileRow& tile,
              std::optional<ir::DType> blocks,
              std::optional<machine::IntegerDot> integers = std::nullopt)
      : o_(spec, e, tile), e_(e), store_(o_, e), kept_(o_, e), integers_(integers) {
    if (blocks) blocks_.emplace(o_, e, *blocks);
  }

  // An item is the panels of a tile or of a head. A few items' panels are taken at a time, and stay
  // in one cache while all rows go by. A tile's rows meet these panels one after the other, and stay
  // in the nearest cache. Of many rows whose number is known, an item is a block of them and as many
  // panels; on tiles of AMX it is a block of rows and the panels of a tile or of a head.
  KernelInfo Emit() {
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

 private:
  // A block of rows times the panels of an item, as many at a time as stay near.
  void EmitBlock(Value* first, int64_t item_panels) {
    if (InterleavesBlock()) InterleaveBlock();
    Value* last = e_.Least(Integer(e_, first) + item_panels, e_.Const(o_.panels));
    e_.Loop(first, last, cached_panels_, [&](Value* panel) {
      first_panel_ = panel;
      end_panel_ = e_.Least(Integer(e_, panel) + cached_panels_, last);
      EmitMatrix();
    });
  }

  // The rows, if there is one axis of them whose extent is known; else 0.
  int64_t ConstantRows() const {
    const std::vector<ir::Axis> axes = o_.RowAxes();
    return axes.size() == 1 && axes[0].extent.is_constant() ? axes[0].extent.value : 0;
  }

  // Rows of an item, whole tiles; 0 where all rows are of each item.
  int64_t BlockRows() const {
    if (ChoosesExperts(o_.spec) || o_.head_panels > 0 || ConstantRows() <= kBlockRows) return 0;
    const int64_t row_bytes = ir::BytesOf(o_.spec.operands[0].dtype, o_.depth_total);
    const int64_t rows = std::min(kBlockRows, kCachedRowBytes / row_bytes);
    return std::max<int64_t>(1, rows / o_.tile.rows) * o_.tile.rows;
  }

  // The same for AMX, whose rows are in blocks whether their number is known or not.
  int64_t AmxBlockRows() const {
    if (o_.tile.dot != Dot::kAmx || blocks_ || o_.RowAxes().size() != 1) return 0;
    const int64_t row_bytes = ir::BytesOf(o_.spec.operands[0].dtype, o_.depth_total);
    int64_t rows = kMostAmxBlockRows;
    while (rows > o_.tile.rows && rows * row_bytes > kAmxBlockBytes) rows /= 2;
    return rows;
  }

  // Items in the order of the blocks: a block's rows stay near while the panels go by.
  void EmitAmxItems(int64_t panel_items, int64_t item_panels, int64_t block_rows) {
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

  // Rows that differ in their axes of constant extent.
  int64_t RowsOfToken() const {
    int64_t rows = 1;
    for (const ir::Axis& axis : o_.RowAxes()) {
      if (axis.extent.is_constant()) rows *= axis.extent.value;
    }
    return rows;
  }

  // The panels of one expert after the other, times its rows.
  void EmitExperts() {
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

  bool IsScaled() const { return blocks_ && blocks_->is_scaled(); }

  void EmitMatrix() {
    if (blocks_) {
      EmitBlockRows();
    } else {
      EmitRows();
    }
  }

  // The same as EmitRows for B in blocks.
  void EmitBlockRows() {
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

  void EmitFewRowsAsTheyLie(int at_once) {
    Value* end = Integer(e_, RowsBegin()) + row_count_;
    e_.Loop(RowsBegin(), end, at_once, [&](Value* row) {
      const Integer last(e_, e_.Least(Integer(e_, row) + at_once, end));
      EmitRowsAsTheyLie({row, at_once, last - 1}, last - row);
    });
  }

  // `count` (i64) rows times panels of blocks that were not expanded.
  void EmitRowsAsTheyLie(const Rows& rows, Value* count) {
    first_row_ = rows.first;
    blocks_->PrepareRows(rows);
    ForPanels(blocks_->RowPanels(), [&](Value* first, int panels) {
      IfKept(rows, first, [&] {
        StoreSums(rows, first, panels, blocks_->RowSums(rows, first, panels, matrix_));
      });
    });
    FinishHead(count);
  }

  // All rows times the panels of [first_panel_, end_panel_).
  void EmitRows() {
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

  Value* RowsBegin() { return rows_begin_ != nullptr ? rows_begin_ : e_.Const(0); }

  void EmitWholeTile(const Rows& rows) {
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
  Value* HeadSums(Value* row, Value* panel) {
    const Integer in_head = Integer(e_, panel) - first_panel_;
    const Integer at = Integer(e_, row) * o_.head_panels + in_head;
    Value* rows = e_.Address(e_.Scratch(), e_.Const(head_rows_), ir::DType::kI8);
    return e_.Address(rows, at * kLanes, ir::DType::kF32);
  }

  // The sums of `count` rows from first_row_ on are there, for all panels of the item.
  void FinishHead(Value* count) {
    if (o_.head_panels == 0) return;
    Indices indices = e_.IndicesOf(HeadAxes(o_.spec), item_, 1);
    const std::string row_axis = o_.RowAxes().empty() ? "" : o_.RowAxes()[0].name;
    if (!row_axis.empty()) indices[row_axis] = first_row_;
    HeadEpilogue(o_.spec, e_)
        .EmitRows(HeadSums(e_.Const(0), first_panel_), count, row_axis, indices);
  }

  // The `count` rows from `row` on, fewer than a tile has: up to 8 in a single pass over the
  // panels, which then come from memory only once and bound the time. A tile with more rows than
  // there are does the last one several times over.
  void EmitFewRows(Value* row, Value* count) {
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

  // The same with AMX: two A tiles at a time, the second of which may be smaller, or one. Where sums
  // are finished behind, there is one round more, which multiplies nothing.
  void EmitAmxRows() {
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
  void RememberConfiguration() {
    configured_ = e_.b().CreateAlloca(e_.b().getInt64Ty());
    e_.b().CreateStore(e_.Const(0), configured_);
  }

  // Sets the tiles up for `count` rows, unless they are or there are none.
  void Configure(Value* count, const std::vector<Value*>& rows) {
    Value* now = e_.b().CreateLoad(e_.b().getInt64Ty(), configured_);
    Value* differs = e_.b().CreateICmpNE(now, count);
    e_.If(e_.b().CreateAnd(differs, Integer(e_, count) > 0), [&] {
      EmitAmxConfig(e_, e_.Scratch(), rows, IsScaled() ? blocks_->of_step() : kAmxDepth);
      e_.b().CreateStore(count, configured_);
    });
  }

  // The A tile that begins with this row and has so many: nullptr for all that a tile can have.
  AmxRows AmxRowsAt(Value* row, Value* count) {
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
  void EmitAmxRowGroup(Value* row, int tiles, Value* rows) {
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
  void EmitAmxTile(const std::vector<AmxRows>& a, Value* row, Value* all, Value* first, int count) {
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
  void FinishRowsBefore(Value* row, Value* all, Value* first, int count, AmxDot* dot) {
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
  bool FinishesBehind() const {
    return next_panel_ != nullptr && o_.head_panels == 0 && !kept_.Leaves();
  }

  // Of a tile's rows and panels.
  int64_t AmxSumBytes() const { return int64_t{o_.tile.rows} * o_.tile.panels * kLanes * 4; }

  // Where the sums of a row and `panels` panels lie: tiles of rows take two places in turns.
  Value* AmxSums(Value* row, int64_t panels) {
    const Integer in_block = Integer(e_, row) - RowsBegin();
    const Integer place = in_block / o_.tile.rows % 2;
    const Integer at = place * AmxSumBytes() + in_block % o_.tile.rows * (panels * kLanes * 4);
    return e_.Address(e_.Scratch(), at + kAmxConfigBytes, ir::DType::kI8);
  }

  // Takes the sums of the rows [begin, end) and of panels through the epilogue, and stores them.
  void FinishRows(Value* begin, Value* end, Value* first, int count) {
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

  // What a product fetches meanwhile of each of its panels, or of those that stand in their place next.
  struct Fetch {
    std::vector<Value*> places;  // its first lines
    Value* lines;                // at a step
  };

  // The products of an item share what the next one needs: where panels of K = 1024 meet 512 rows, each
  // of 16 products of 32 steps brings in 32 of a panel's 512 lines, one a step. Nobody knows what the
  // thread will do behind its last item. Panels that meet the rows of one tile alone are waited for:
  // of them it is what comes next.
  Fetch FetchOf(Value* row, Value* first, int count) {
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

  void EmitFetch(const Fetch& fetch, Value* k) {
    const Integer begin = Integer(e_, k) / kAmxDepth * fetch.lines;
    e_.Loop(begin, begin + fetch.lines, 1, [&](Value* line) {
      for (Value* place : fetch.places) {
        e_.PrefetchNear(e_.Address(place, Integer(e_, line) * base::kCacheLine, ir::DType::kI8));
      }
    });
  }

  // Of `rows` rows (i64) and `count` panels from `first` on.
  void EmitAmxProduct(const AmxDot& dot, Value* first, int count, Value* rows, Value* out) {
    if (!IsScaled()) return EmitAmxDot(e_, dot, out);
    blocks_->AmxSums(dot, first, count, rows, out);
  }

  // Whether the rows of whole tiles are copied to the scratch memory, where they are interleaved: a
  // tile then reads one stream instead of one a row. Pays for itself where a tile has many rows.
  bool Interleaves() const {
    return !integers_ && o_.HasManyRows() && o_.depth_total % (o_.DwordElements() * kLanes) == 0;
  }

  int64_t InterleavedTileBytes() const {
    return o_.depth_total / o_.DwordElements() * o_.tile.rows * 4;
  }
  Value* InterleavedTile(Value* tile) {
    return e_.Address(e_.Scratch(), Integer(e_, tile) * InterleavedTileBytes(), ir::DType::kI8);
  }

  // Whether a block's tiles are interleaved before it meets the first panel, instead of each for the
  // panels that stay near: where K is long, those are two.
  bool InterleavesBlock() const {
    return cached_panels_ > 0 && !o_.IsInterleaved() && Interleaves();
  }

  void InterleaveBlock() {
    e_.Loop(e_.Const(0), Integer(e_, row_count_) / o_.tile.rows, 1, [&](Value* tile) {
      Value* row = Integer(e_, RowsBegin()) + Integer(e_, tile) * o_.tile.rows;
      Interleave(o_.RowPointers({row, o_.tile.rows}), InterleavedTile(tile));
    });
  }

  void Interleave(const std::vector<Value*>& a_rows, Value* to) {
    const ir::DType dtype = o_.spec.operands[0].dtype;
    const llvm::Align align = Emitter::AlignOf(dtype);
    e_.Loop(e_.Const(0), e_.Const(o_.depth_total / o_.DwordElements()), kLanes, [&](Value* dword) {
      std::vector<Value*> lines(kLanes, llvm::PoisonValue::get(e_.Int(32, kLanes)));
      for (size_t i = 0; i < a_rows.size(); ++i) {
        lines[i] = e_.b().CreateAlignedLoad(
            e_.Int(32, kLanes),
            e_.Address(a_rows[i], Integer(e_, dword) * o_.DwordElements(), dtype), align);
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
  void EmitPanels(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved) {
    if (IsScaled()) blocks_->PrepareTile(a_rows);
    ForPanels([&](Value* first, int count) {
      IfKept(rows, first, [&] { EmitTile(rows, a_rows, interleaved, first, count); });
    });
  }

  // Computes the rows' sums with a panel where one of them is kept.
  void IfKept(const Rows& rows, Value* panel, const std::function<void()>& compute) {
    if (!kept_.Leaves()) return compute();
    IfKept(kept_.Any(rows, panel), compute, [&] { HideSums(rows, panel); });
  }

  void IfKept(Value* any, const std::function<void()>& compute, const std::function<void()>& hide) {
    const auto counted = [&] {
      kept_.Count();
      compute();
    };
    e_.If(any, counted, hide);
  }

  void HideSums(const Rows& rows, Value* panel) {
    const std::vector<Value*> hidden = {kept_.Hidden()};
    store_.StoreTile(rows, panel, 1,
                     std::vector<std::vector<Value*>>(static_cast<size_t>(rows.count), hidden));
  }

  // The item's panels, as many at a time as a tile takes; at its end there may be fewer.
  void ForPanels(const std::function<void(Value* first, int count)>& body) {
    ForPanels(o_.width, body);
  }
  void ForPanels(int width, const std::function<void(Value* first, int count)>& body) {
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

  void EmitTile(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved, Value* first,
                int count) {
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
  void StoreSums(const Rows& rows, Value* first, int count, std::vector<std::vector<Value*>> sums) {
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

  MatmulOperands o_;
  Emitter& e_;
  MatmulStore store_;
  const KeptPanels kept_;
  std::optional<BlockPanels> blocks_;
  const std::optional<machine::IntegerDot> integers_;
  int64_t cached_panels_ = 0;  // of a block of rows' item, at a time; 0: there are no blocks
  Value* item_ = nullptr;
  Value* first_panel_ = nullptr;
  Value* end_panel_ = nullptr;
  // Of AMX in blocks of rows: the first panel of the item that follows, and whether one does (i1).
  Value* next_panel_ = nullptr;
  Value* has_next_ = nullptr;
  Value* configured_ =
      nullptr;  // an i64 in memory: the rows that AMX's tiles are set up for, 0 at first
  Value* first_row_ = nullptr;  // of the rows being multiplied
  // The rows that meet the panels: a block of them, or all. Of those of an expert, their places in the
  // order, and its matrix.
  Value* rows_begin_ = nullptr;  // null: 0
  Value* row_count_ = nullptr;
  Value* matrix_ = nullptr;
  int64_t head_rows_ = 0;  // bytes into the scratch memory
};

// The matmul whose B holds, as `dtype`, what the blocks of spec's B mean, or their numbers.
KernelSpec Expanded(KernelSpec spec, ir::DType dtype) {
  TensorSpec& b = spec.operands[1];
  const std::optional<ir::PanelShape> blocks = PanelShapeOf(b.dtype, ir::DType::kF32);
  const std::optional<ir::PanelShape> floats = PanelShapeOf(dtype, ir::DType::kF32);
  if (b.layout == ir::Layout::Panel(blocks->rows, blocks->depth, b.layout.axis)) {
    b.layout = ir::Layout::Panel(floats->rows, floats->depth, b.layout.axis);
  }
  b.dtype = dtype;
  return spec;
}

absl::StatusOr<KernelInfo> EmitIntegerMatmul(const KernelSpec& spec, Emitter& e) {
  if (!MatmulOperands::Applies(spec)) return NoKernel(spec, "rows or panels lie otherwise");
  const machine::IntegerTile& tile = machine::FindIntegerTile(e.target().isa);
  const ir::DType a = spec.operands[0].dtype, b = spec.operands[1].dtype;
  const int depth = static_cast<int>(ir::EncodingOf(b).elements);
  const TileRow row{tile.isa, a, b, ir::DType::kF32, depth, Dot::kWiden, tile.rows, tile.panels};
  return PanelMatmul(spec, e, row, std::nullopt, tile.dot).Emit();
}

}  // namespace

const TileRow* MatmulTile(const KernelSpec& spec, const Target& target) {
  if (ir::IsBlock(spec.operands[0].dtype)) return nullptr;
  if (ir::IsBlock(spec.operands[1].dtype)) {
    const TileRow* scaled = ScaledTile(target, spec.operands[0].dtype, spec.operands[1].dtype);
    if (scaled != nullptr) {
      const TileRow* tile = MatmulTile(Expanded(spec, ir::DType::kBF16), target);
      if (tile != nullptr && tile->dot == scaled->dot) return scaled;
    }
    return MatmulTile(Expanded(spec, ir::DType::kF32), target);
  }
  if (!MatmulOperands::Applies(spec)) return nullptr;
  const ir::DType a = spec.operands[0].dtype, b = spec.operands[1].dtype;
  // AMX loads rows that lie side by side.
  if (ChoosesExperts(spec)) return target.FindTile(a, b);
  const TileRow* tile = target.FindMatmulTile(a, b);
  const bool whole_steps =
      spec.operands[0].Find(spec.attrs.axes[0])->axis.extent.value % kAmxDepth == 0;
  return tile == nullptr || tile->dot != Dot::kAmx || whole_steps ? tile : target.FindTile(a, b);
}

absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, Emitter& e) {
  for (const ir::EpilogueStep step : spec.attrs.epilogue) {
    const bool known =
        Info(step).grain == ir::Grain::kHeads ? EmitsHeadStep(step) : EmitsColumnStep(step);
    if (!known) return NoKernel(spec, absl::StrCat("no code for the step ", Info(step).name));
  }
  if (ir::IsBlock(spec.operands[0].dtype)) return EmitIntegerMatmul(spec, e);
  const TileRow* tile = MatmulTile(spec, e.target());
  if (tile == nullptr) return EmitGeneralMatmul(spec, e);
  const ir::DType b = spec.operands[1].dtype;
  if (ir::IsBlock(b)) {
    return PanelMatmul(Expanded(spec, tile->b), e, *tile, b).Emit();
  }
  return PanelMatmul(spec, e, *tile, std::nullopt).Emit();
}

}  // namespace lluda::codegen
