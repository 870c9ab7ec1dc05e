// A matmul whose B lies in panels, the packed weights, on register tiles or on those of AMX.
//
//   PanelMatmul(spec, e, tile, std::nullopt).Emit();
//
// What AMX adds stands in panel_matmul_amx.cc.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_PANEL_MATMUL_H_
#define LLUDA_CODEGEN_CPU_MATMUL_PANEL_MATMUL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "codegen/backend.h"
#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/matmul/block_panels.h"
#include "codegen/cpu/matmul/kept_panels.h"
#include "codegen/cpu/matmul/matmul_operands.h"
#include "codegen/cpu/matmul/matmul_store.h"
#include "codegen/kernel_spec.h"

namespace lluda::codegen {

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
  KernelInfo Emit();

 private:
  void EmitBlock(Value* first, int64_t item_panels);
  int64_t ConstantRows() const;
  int64_t BlockRows() const;
  int64_t RowsOfToken() const;
  void EmitExperts();
  bool IsScaled() const { return blocks_ && blocks_->is_scaled(); }
  void EmitMatrix();
  void EmitBlockRows();
  void EmitFewRowsAsTheyLie(int at_once);
  void EmitRowsAsTheyLie(const Rows& rows, Value* count);
  void EmitRows();
  Value* RowsBegin() { return rows_begin_ != nullptr ? rows_begin_ : e_.Const(0); }
  void EmitWholeTile(const Rows& rows);
  Value* HeadSums(Value* row, Value* panel);
  void FinishHead(Value* count);
  void EmitFewRows(Value* row, Value* count);

  // On tiles of AMX: panel_matmul_amx.cc.
  int64_t AmxBlockRows() const;
  void EmitAmxItems(int64_t panel_items, int64_t item_panels, int64_t block_rows);
  void EmitAmxRows();
  void RememberConfiguration();
  void Configure(Value* count, const std::vector<Value*>& rows);
  AmxRows AmxRowsAt(Value* row, Value* count);
  void EmitAmxRowGroup(Value* row, int tiles, Value* rows);
  void EmitAmxTile(const std::vector<AmxRows>& a, Value* row, Value* all, Value* first, int count);
  void FinishRowsBefore(Value* row, Value* all, Value* first, int count, AmxDot* dot);
  bool FinishesBehind() const;
  // Of a tile's rows and panels.
  int64_t AmxSumBytes() const { return int64_t{o_.tile.rows} * o_.tile.panels * kLanes * 4; }
  Value* AmxSums(Value* row, int64_t panels);
  void FinishRows(Value* begin, Value* end, Value* first, int count);
  // What a product fetches meanwhile of each of its panels, or of those that stand in their place next.
  struct Fetch {
    std::vector<Value*> places;  // its first lines
    Value* lines;                // at a step
  };
  Fetch FetchOf(Value* row, Value* first, int count);
  void EmitFetch(const Fetch& fetch, Value* k);
  void EmitAmxProduct(const AmxDot& dot, Value* first, int count, Value* rows, Value* out);

  // Of rows that are interleaved.
  bool Interleaves() const;
  int64_t InterleavedTileBytes() const {
    return o_.depth_total / o_.DwordElements() * o_.tile.rows * 4;
  }
  Value* InterleavedTile(Value* tile);
  bool InterleavesBlock() const;
  void InterleaveBlock();
  void Interleave(const std::vector<Value*>& a_rows, Value* to);

  void EmitPanels(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved);
  void IfKept(const Rows& rows, Value* panel, const std::function<void()>& compute);
  void IfKept(Value* any, const std::function<void()>& compute, const std::function<void()>& hide);
  void HideSums(const Rows& rows, Value* panel);
  void ForPanels(const std::function<void(Value* first, int count)>& body);
  void ForPanels(int width, const std::function<void(Value* first, int count)>& body);
  void EmitTile(const Rows& rows, const std::vector<Value*>& a_rows, int interleaved, Value* first,
                int count);
  void StoreSums(const Rows& rows, Value* first, int count, std::vector<std::vector<Value*>> sums);

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

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_PANEL_MATMUL_H_
