// TensorProduct of a matrix in blocks: which blocks a warp multiplies, and where its rows lie.
//
// With few rows a block of threads has 16 columns where the axis is short, so that all its warps have
// segments to take. With many, rows go through shared memory and blocks from memory into registers.
#include "codegen/emit/integer.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "ir/type/encoding.h"
#include "ir/type/layout.h"

namespace lluda::codegen::gpu {

using runtime::kBlockWarps;
using Words = std::vector<Value*>;

Value* TensorProduct::BlockPointer(Value* column) {
  const Integer panel = Integer(e_, column) / kPanelColumns;
  const Integer bytes =
      panel * ir::PanelBytes(b_.dtype, b_.layout, depth_) +
      Integer(e_, column) % kPanelColumns * ir::BlockUnit(ir::EncodingOf(b_.dtype), b_.layout);
  return e_.Address(e_.Buffer(1), bytes, ir::DType::kI8);
}

// Of the 8 columns from `first` on, a whole multiple of 8, or their partners. Columns behind the last
// are computed as it, and not stored.
LaneColumns TensorProduct::BlockColumnsFrom(Value* first, int64_t part) {
  const Integer g = Integer(e_, e_.Lane()) / 4;
  const Integer t = Integer(e_, e_.Lane()) % 4;
  if (count_ % kPanelColumns == 0) {  // one panel's
    const int64_t unit = ir::BlockUnit(ir::EncodingOf(b_.dtype), b_.layout);
    const Integer own(e_, e_.Least(first, e_.Const(count_ - kPanelColumns)));
    Value* panel = BlockPointer(own + part * count_);
    Value* scales = e_.Address(panel, t * (2 * unit), ir::DType::kI8);
    return {e_.Address(panel, g * unit, ir::DType::kI8),
            {scales, e_.Address(scales, e_.Const(unit), ir::DType::kI8)},
            /*neighbours=*/true};
  }
  const auto pointer = [&](Value* column) {
    const Integer own(e_, e_.Least(Integer(e_, first) + column, e_.Const(count_ - 1)));
    return BlockPointer(own + part * count_);
  };
  return {pointer(g), {pointer(t * 2), pointer(t * 2 + 1)}};
}

// The block that holds the element.
Value* TensorProduct::FirstBlock(Value* element) {
  return Integer(e_, element) / ir::EncodingOf(b_.dtype).elements;
}

// Warps take columns in eights, and segments of them in turns.
void TensorProduct::SumBlockSegments(bool aligned) {
  const int64_t streams = kBlockWarps * kPanelColumns / FewColumns();
  const int64_t own = (segments_ + streams - 1) / streams;
  const bool all_whole = segments_ % streams == 0 && depth_ % kBlockSegment == 0;
  const int64_t of_block = ir::EncodingOf(b_.dtype).elements;
  const Integer g = Integer(e_, e_.Lane()) / 4;
  const Integer t = Integer(e_, e_.Lane()) % 4;
  const Integer begin = Integer(e_, e_.Warp()) % streams * own;
  const Integer in_block = Integer(e_, e_.Warp()) / streams * kPanelColumns;
  std::vector<LaneColumns> columns;
  for (int64_t part = 0; part < Parts(); ++part) {
    columns.push_back(BlockColumnsFrom(Integer(e_, group_) * FewColumns() + in_block, part));
  }
  std::vector<BlockSegment> segments;
  for (int64_t s = 0; s < own; ++s) {
    std::vector<Value*> blocks;
    for (int64_t i = 0; i < kBlockSegment; i += of_block) {
      const Integer block(e_, FirstBlock((begin + s) * kBlockSegment + i));
      blocks.push_back(all_whole ? block : e_.Least(block, e_.Const(depth_ / of_block - 1)));
    }
    segments.emplace_back(e_, b_.dtype, columns, blocks);
  }
  constexpr int64_t kSegmentChunks = kBlockSegment / kChunk;
  for (int64_t chunk = 0; chunk < kSegmentChunks; ++chunk) segments[0].Load(chunk);
  if (part_.norm != nullptr) LoadNormWeights();
  Value* row = LanesRow(g);
  Value* none = e_.ConstInt(0, 32, 1);
  const auto row_words = [&](int64_t segment, int64_t chunk) {
    Integer element = (begin + segment) * kBlockSegment + chunk * kChunk;
    Value* inside = element < depth_;  // what is not there adds nothing
    if (!all_whole) element = Integer(e_, e_.Least(element, e_.Const(depth_ - kChunk)));
    BlockTile::Rows rows;
    for (size_t half = 0; half < rows.size(); ++half) {
      const Integer at = element + LaneOffset() + static_cast<int64_t>(half) * kQuads;
      Words words = LoadWords(e_.Address(row, at, a_.dtype), aligned, 2);
      for (Value*& word : words) {
        if (!all_whole) word = e_.b().CreateSelect(inside, word, none);
      }
      rows[half] = {words[0], none, words[1], none};
    }
    return rows;
  };
  for (int64_t s = 0; s < own; ++s) {
    Words sums(static_cast<size_t>(4 * Parts()), e_.ConstF32(0.0f, 1));
    for (int64_t chunk = 0; chunk < kSegmentChunks; ++chunk) {
      segments[static_cast<size_t>(s)].Add(chunk, {row_words(s, chunk)}, &sums);
      if (s + 1 < own) segments[static_cast<size_t>(s + 1)].Load(chunk);
    }
    const auto store = [&] {
      for (int64_t part = 0; part < Parts(); ++part) {
        const Integer place = ((begin + s) * Parts() + part) * (kFewRows * FewColumns()) +
                              g * FewColumns() + in_block + t * 2;
        for (int64_t i = 0; i < 2; ++i) {
          e_.Store(e_.Address(shared_, place + i, ir::DType::kF32), ir::DType::kF32,
                   sums[static_cast<size_t>(part * 4 + i)]);
        }
      }
    };
    if (all_whole) store();
    if (!all_whole) e_.If(begin + s < segments_, store);
  }
}

// Halves lie in turns of eight columns, so that a lane has a column and its partner.
std::vector<LaneColumns> TensorProduct::TileBlockColumns() {
  const Integer warp_column = Integer(e_, e_.Warp()) % kWarpColumns;
  const Integer first =
      Integer(e_, group_) * BlockColumns() + warp_column * (BlockColumns() / kWarpColumns);
  std::vector<LaneColumns> columns;
  for (int64_t j = 0; j < TileColumns() / kWarpColumns / kPanelColumns; ++j) {
    columns.push_back(BlockColumnsFrom(first + j / Parts() * kPanelColumns, j % Parts()));
  }
  return columns;
}

std::vector<BlockTile::Rows> TensorProduct::TileRows(Value* stage) {
  const Integer warp_row = Integer(e_, e_.Warp()) / kWarpColumns;
  std::vector<BlockTile::Rows> tiles;
  for (int64_t first = 0; first < kTileRows / kWarpRows; first += 16) {
    const Integer row = warp_row * (kTileRows / kWarpRows) + first;
    const Words upper = StageWords(stage, row), lower = StageWords(stage, row + 8);
    BlockTile::Rows& rows = tiles.emplace_back();
    for (size_t step = 0; step < rows.size(); ++step) {
      rows[step] = {upper[2 * step], lower[2 * step], upper[2 * step + 1], lower[2 * step + 1]};
    }
  }
  return tiles;
}

}  // namespace lluda::codegen::gpu
