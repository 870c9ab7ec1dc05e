// The blocks of several columns along a segment of the contracted axis, as a warp multiplies them.
//
//   BlockSegment segment(e, dtype, columns, {%block, ...});
//   segment.Load(0);                  // asks for the first 32 elements
//   segment.Add(0, rows, &sums);
#ifndef LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_SEGMENT_H_
#define LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_SEGMENT_H_

#include <array>
#include <cstdint>
#include <vector>

#include "codegen/nvptx/product/block_tile.h"

namespace lluda::codegen::gpu {

// Where the first blocks of what a lane reads of 8 columns lie: see ColumnBlocks.
struct LaneColumns {
  Value* numbers;
  std::array<Value*, 2> scales;
  bool neighbours = false;  // the scales' columns lie side by side in a panel, from an even one on
};

class BlockSegment {
 public:
  // `numbers`: of the segment's blocks, among those of a column.
  BlockSegment(GpuEmitter& e, ir::DType dtype, const std::vector<LaneColumns>& columns,
               const std::vector<Value*>& numbers);

  // The chunk of this number, as BlockTile does.
  void Load(int64_t chunk);
  void Add(int64_t chunk, const std::vector<BlockTile::Rows>& rows, std::vector<Value*>* sums);

 private:
  int64_t FirstOf(int64_t chunk) const { return chunk * kBlockChunk % elements_; }
  std::vector<ColumnBlocks>& BlocksOf(int64_t chunk);

  const int64_t elements_;  // of a block
  BlockTile tile_;
  std::vector<std::vector<ColumnBlocks>> blocks_;  // of each number, all columns'
};

}  // namespace lluda::codegen::gpu

#endif  // LLUDA_CODEGEN_NVPTX_PRODUCT_BLOCK_SEGMENT_H_
