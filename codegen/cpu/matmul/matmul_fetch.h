// What a tile of a matmul fetches while it multiplies: the panels that come next, the rows
// that come next, and the lines that it will add and store. A little at a time: asked for at once
// they would hold up those that the tile waits for.
//
//   dot.visit = MatmulFetch(operands, e, {rows, first, count, next, tile, tiles, a, a_interleaved});
#ifndef LLUDA_CODEGEN_CPU_MATMUL_MATMUL_FETCH_H_
#define LLUDA_CODEGEN_CPU_MATMUL_MATMUL_FETCH_H_

#include <vector>

#include "codegen/cpu/matmul/matmul_operands.h"

namespace lluda::codegen {

class MatmulFetch {
 public:
  struct Tile {
    MatmulOperands::Rows rows;
    Value* first;  // panel
    int count;     // of panels
    // The panel that stands where `first` does in what the thread does next; null: panels are near.
    Value* next;
    // Which of the whole tiles of rows that meet these panels it is, and how many there are (i64).
    Value* row_tile;
    Value* row_tiles;
    Value* a;           // its first row, or group of rows
    int a_interleaved;  // as PanelDot's
  };
  // Whether K and the tile are such that something is fetched.
  static bool Applies(const MatmulOperands& operands, const Tile& tile);

  MatmulFetch(const MatmulOperands& operands, Emitter& e, const Tile& tile);
  // For PanelDot::visit.
  void operator()(Value* k) const;

 private:
  int64_t Step() const;
  Value* LinesAVisit() const;
  std::vector<Value*> NextPanels() const;
  void FetchPanels(Value* k) const;
  void FetchRows(Value* k) const;
  void FetchResult(Value* k) const;
  void FetchResultRow(Value* row) const;
  void FetchResultRowGroup(Value* visit) const;

  const MatmulOperands& o_;
  Emitter& e_;
  const Tile tile_;
  Value* const
      lines_;  // of each of the next panels, that a visit fetches; null where there are none
  const std::vector<Value*> next_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_CPU_MATMUL_MATMUL_FETCH_H_
