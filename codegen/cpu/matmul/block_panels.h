// B of a matmul in blocks: the scratch memory that its panels are expanded to, and the products with
// them. A single row, and where numbers are multiplied by vdpbf16ps a few, meet panels as they lie; for
// more rows a call's panels are expanded first, to values, or to numbers and scales
// (blocks/scaled_dot.h), and tiles of rows pass over them. A row has the same bits either way.
//
//   BlockPanels blocks(operands, e, ir::DType::kQ4_0);
//   info.scratch_bytes = blocks.Place(info.scratch_bytes, panels);
//   blocks.Expand(first_panel, end_panel, nullptr);  // operands.PanelPointers now points at these
//
// Example: 12 panels of q4_0 at K = 1024, 9 KB each, become 32 KB of bf16 and 2 KB of scales each.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_BLOCK_PANELS_H_
#define LLUDA_CODEGEN_CPU_MATMUL_BLOCK_PANELS_H_

#include <cstdint>
#include <vector>

#include "codegen/cpu/emit/amx.h"
#include "codegen/cpu/matmul/blocks/scaled_dot.h"
#include "codegen/cpu/matmul/matmul_operands.h"
#include "codegen/emit/integer.h"

namespace lluda::codegen {

class BlockPanels {
 public:
  using Sums = std::vector<std::vector<Value*>>;  // [row][panel]

  // `operands` says f32 or bf16 of B, as whose panels blocks of `dtype` are expanded.
  BlockPanels(MatmulOperands& operands, Emitter& e, ir::DType dtype);

  // Takes scratch memory from byte `begin` on, for so many panels of the result at a time and rows of
  // a tile, or the few rows of one pass; returns where it ends.
  int64_t Place(int64_t begin, int64_t panels, int most_rows);

  // Whether numbers are multiplied, and their sums scaled.
  bool is_scaled() const { return is_scaled_; }
  // Elements of a step.
  int64_t of_step() const { return StepOf(dtype_); }
  // Of all panels, padding included.
  int64_t MatrixBytes() const;

  // How many rows meet panels as they lie, together and in all; 0 and 0, 1 and 1, or a few.
  int RowsAtOnce() const;
  int MostRows() const;
  // How many panels of the result they meet at a time: one of large blocks, whose code is long, and where
  // numbers are scaled. One alone, asked for far ahead, comes from memory as fast as two, and has
  // the registers for itself.
  int RowPanels() const;
  // To be called before RowSums with the rows, for all their panels.
  void PrepareRows(const MatmulOperands::Rows& rows);
  // One row, or RowsAtOnce(), times the panels [first, first + count) of `matrix`; null: of B's buffer.
  Sums RowSums(const MatmulOperands::Rows& rows, Value* first, int count, Value* matrix);

  // Expands the panels [first, end), which the operands' PanelPointers are from now on.
  void Expand(Value* first, Value* end, Value* matrix);
  // The following are for scaled panels that were expanded. To be called with a tile's rows, for all
  // panels.
  void PrepareTile(const std::vector<Value*>& a_rows);
  Sums TileSums(const std::vector<Value*>& a_rows, Value* first, int count);
  // The same for `rows` rows (i64) on tiles of AMX; `dot` is the product of the numbers.
  void PrepareAmxTile(const std::vector<AmxRows>& a, Value* rows);
  void AmxSums(const AmxDot& dot, Value* first, int count, Value* rows, Value* out);

 private:
  bool HasPairs() const { return is_scaled_ && o_.tile.dot == Dot::kBf16Pair; }
  Value* ScratchAt(int64_t byte);
  Value* Panel(Value* matrix, const Integer& panel);
  WidenedRow Widened();
  // null where the format has no term.
  Value* Ones();
  ScaledPanel ScaledPanelAt(const Integer& number);
  std::vector<ScaledPanel> ScaledPanels(Value* first, int count);

  MatmulOperands& o_;
  Emitter& e_;
  const ir::DType dtype_;
  const bool is_scaled_;
  const bool has_term_;
  int64_t expanded_panels_ = 0;  // of one half
  // Bytes into the scratch memory.
  int64_t expanded_ = 0, scales_ = 0, terms_ = 0, step_sums_ = 0, row_ = 0, decoded_ = 0, ones_ = 0;
  Value* first_panel_ = nullptr;  // of those that were expanded
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_BLOCK_PANELS_H_
