// What the operands of a matmul on packed weights mean, and where their parts lie: [rows] x [K]
// times N columns, in panels of 16.
//
// Example: for %y = matmul %m @wd_p %x over ff {epilogue = add}, over is "ff", depth_total 3072,
// columns 1024, panels 64, and ColumnAddress(e.Buffer(2), spec.operands[2], row, panel, 0) is where
// the residual's part that belongs to a row and a panel begins.
#ifndef LLUDA_CODEGEN_CPU_MATMUL_MATMUL_OPERANDS_H_
#define LLUDA_CODEGEN_CPU_MATMUL_MATMUL_OPERANDS_H_

#include <string>
#include <vector>

#include "codegen/emit/emitter.h"
#include "codegen/kernel_spec.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {

class MatmulOperands {
 public:
  // Neighbouring rows of a tile. The rows after `last`, if that is given, are `last` once more.
  struct Rows {
    Value* first;
    int count;
    Value* last = nullptr;
    bool fills_tile = false;
  };

  MatmulOperands(const KernelSpec& spec, Emitter& e, const TileRow& tile);
  // Whether tiles can compute this matmul.
  static bool Applies(const KernelSpec& spec);

  // A's axis of rows, if it has one; of experts, the axes of the indices.
  std::vector<ir::Axis> RowAxes() const;
  // A row's indices. Of experts, the row is a place in their order.
  Indices IndicesOf(Value* row) const;
  bool IsInterleaved() const { return spec.operands[0].interleaved_rows > 0; }
  // The operand that is added to the result, -1 if there is none.
  int ResidualOperand() const { return spec.attrs.epilogue.OperandOf(ir::EpilogueStep::kAdd); }
  // Whether sums are only wanted where the epilogue keeps them, so that others need not be computed.
  bool keeps() const { return spec.attrs.epilogue.Has(ir::EpilogueStep::kKeep); }
  // Elements of one panel, padding included, and their bytes.
  int64_t PanelElements() const;
  int64_t PanelBytes() const;
  // Elements of all panels of one matrix, padding included.
  int64_t MatrixElements() const { return PanelElements() * panels * (halves ? 2 : 1); }
  // Elements of A in a dword.
  int64_t DwordElements() const { return ir::DwordElements(spec.operands[0].dtype); }
  // Whether B is used often enough in a tile to take care of how A lies and what comes next.
  bool HasManyRows() const { return tile.rows >= 8; }

  Value* RowAt(const Rows& rows, int i) const;
  std::vector<Value*> RowPointers(const Rows& rows) const;
  // The panels [first, first + count) of B, and behind them those of the second half.
  std::vector<Value*> PanelPointers(Value* first, int count) const;
  // From now on the panels from `first` on, and `count` panels behind them those of the second half,
  // are read at `base` instead of B's buffer.
  void ReadPanelsAt(Value* base, Value* first, int64_t count);
  // Lane `lane` of a panel in a row of the result or of the residual.
  Value* ColumnAddress(Value* buffer, const TensorSpec& tensor, Value* row, Value* panel,
                       int lane) const;
  Value* ResultBuffer() const { return e_.Buffer(static_cast<int>(spec.operands.size())); }

  const KernelSpec& spec;
  const TileRow& tile;
  const std::string over;
  const int64_t depth_total;
  const int64_t columns;
  const bool halves;  // B holds two columns for each of the result's
  const int width;    // panels of the result that a tile computes
  const int64_t panels;
  const int64_t head_panels;  // of a head, where heads are finished; else 0

 private:
  Emitter& e_;
  Value* base_ = nullptr;  // of ReadPanelsAt
  Value* base_panel_ = nullptr;
  int64_t base_count_ = 0;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_MATMUL_OPERANDS_H_
