#include "codegen/nvptx/product/block_segment.h"

#include "codegen/emit/integer.h"
#include "ir/type/encoding.h"
#include "ir/type/layout.h"

namespace lluda::codegen::gpu {

BlockSegment::BlockSegment(GpuEmitter& e, ir::DType dtype, const std::vector<LaneColumns>& columns,
                           const std::vector<Value*>& numbers)
    : elements_(ir::EncodingOf(dtype).elements), tile_(e, dtype) {
  const ir::Encoding& encoding = ir::EncodingOf(dtype);
  const ir::Layout layout = ir::Layout::Panel(kPanelColumns, static_cast<int>(elements_), "");
  const int64_t unit = ir::BlockUnit(encoding, layout);
  Value* quad = Integer(e, e.Lane()) % 4;
  for (Value* number : numbers) {
    const Integer bytes = Integer(e, number) * (encoding.bytes * kPanelColumns);
    const auto at = [&](Value* first) {
      return BlockPlace{e.Address(first, bytes, ir::DType::kI8), kPanelColumns, unit};
    };
    std::vector<ColumnBlocks>& blocks = blocks_.emplace_back();
    for (const LaneColumns& own : columns) {
      // Told so, LLVM reads the units of two neighbours at once.
      const int64_t align = own.neighbours ? 2 * unit : unit;
      blocks.push_back({BlockWords(e, dtype, at(own.numbers), quad),
                        {BlockWords(e, dtype, at(own.scales[0]), nullptr, align),
                         BlockWords(e, dtype, at(own.scales[1]))}});
    }
  }
}

std::vector<ColumnBlocks>& BlockSegment::BlocksOf(int64_t chunk) {
  return blocks_[static_cast<size_t>(chunk * kBlockChunk / elements_)];
}

void BlockSegment::Load(int64_t chunk) {
  for (ColumnBlocks& columns : BlocksOf(chunk)) tile_.Load(FirstOf(chunk), &columns);
}

void BlockSegment::Add(int64_t chunk, const std::vector<BlockTile::Rows>& rows,
                       std::vector<Value*>* sums) {
  std::vector<ColumnBlocks*> columns;
  for (ColumnBlocks& own : BlocksOf(chunk)) columns.push_back(&own);
  tile_.AddChunk(FirstOf(chunk), rows, columns, sums);
}

}  // namespace lluda::codegen::gpu
