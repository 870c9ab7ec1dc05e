// Products on tensor cores of rows of bf16 with columns of a matrix in blocks, for a warp's tile of sums.
//
// A block's numbers, which are exact as bf16, are multiplied as they are; the sum of those that share a
// scale, a step, is multiplied by it and added to the tile's sum, by one rounding. Where a format has a
// term, the term times the step's sum of activations is added by another, and that sum is a product
// with ones. It is what the CPU does on AMX (codegen/cpu/matmul/blocks/scaled_dot.h).
//
//   BlockTile tile(e, dtype);
//   tile.AddChunk(0, rows, &columns, &sums);   // the first 32 elements of the columns' blocks
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_TILE_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_TILE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "codegen/nvptx/product/block_words.h"

namespace lluda::codegen::gpu {

// Columns of a panel: those of a product.
inline constexpr int kPanelColumns = 8;
// Elements of a chunk. Of each 16 a lane holds the four that BlockWords makes.
inline constexpr int64_t kBlockChunk = 32;

// The blocks of 8 columns that a lane reads: of the column lane / 4 the numbers, and of the two whose
// sums it holds the scales.
struct ColumnBlocks {
  BlockWords numbers;
  std::array<BlockWords, 2> scales;
};

class BlockTile {
 public:
  // The words of 16 rows: four for each half of a chunk, operand a of a product.
  using Rows = std::array<std::vector<Value*>, 2>;

  BlockTile(GpuEmitter& e, ir::DType dtype);

  // Asks memory for what AddChunk will read.
  void Load(int64_t first, ColumnBlocks* columns);
  // Adds the chunk that begins with element `first` of each block. `sums` are four for each 16 rows
  // and 8 columns, those of the same rows side by side.
  void AddChunk(int64_t first, const std::vector<Rows>& rows,
                const std::vector<ColumnBlocks*>& columns, std::vector<Value*>* sums);

 private:
  // Sums of the products of a step's elements, from nothing.
  std::vector<Value*> Step(const Rows& rows, const std::vector<std::pair<Value*, Value*>>& numbers,
                           int64_t first);

  GpuEmitter& e_;
  const int64_t of_step_;
  const bool has_term_;
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_TILE_H_
