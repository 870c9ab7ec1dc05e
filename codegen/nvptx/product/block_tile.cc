#include "codegen/nvptx/product/block_tile.h"

#include <utility>

namespace lluda::codegen::gpu {

BlockTile::BlockTile(GpuEmitter& e, ir::DType dtype)
    : e_(e),
      of_step_(ir::BlockFormatOf<BlockWords>(dtype).scaled),
      has_term_(ir::BlockFormatOf<BlockWords>(dtype).has_term()) {}

// What the words become is written once more where they are used, and here LLVM drops it.
void BlockTile::Load(int64_t first, ColumnBlocks* columns) {
  for (int64_t i = 0; i < kBlockChunk; i += kQuads) columns->numbers.Numbers(first + i);
  for (int64_t i = 0; i < kBlockChunk; i += of_step_) {
    for (BlockWords& scales : columns->scales) {
      scales.Scale(first + i);
      if (has_term_) scales.Term(first + i);
    }
  }
}

std::vector<Value*> BlockTile::Step(const Rows& rows,
                                    const std::vector<std::pair<Value*, Value*>>& numbers,
                                    int64_t first) {
  std::vector<Value*> sums(4, e_.ConstF32(0.0f, 1));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t half = static_cast<size_t>(first / kQuads) + i;
    sums = e_.Multiply(rows[half], {numbers[i].first, numbers[i].second}, sums);
  }
  return sums;
}

void BlockTile::AddChunk(int64_t first, const std::vector<Rows>& rows,
                         const std::vector<ColumnBlocks*>& columns, std::vector<Value*>* sums) {
  Value* one = e_.ConstInt(0x3F803F80, 32, 1);  // two bf16
  for (int64_t step = 0; step < kBlockChunk; step += of_step_) {
    std::vector<std::vector<Value*>> activations;  // their sums
    if (has_term_) {
      const std::vector<std::pair<Value*, Value*>> ones(static_cast<size_t>(of_step_ / kQuads),
                                                        {one, one});
      for (const Rows& own : rows) activations.push_back(Step(own, ones, step));
    }
    for (size_t j = 0; j < columns.size(); ++j) {
      std::vector<std::pair<Value*, Value*>> numbers;
      for (int64_t i = 0; i < of_step_; i += kQuads) {
        numbers.push_back(columns[j]->numbers.Numbers(first + step + i));
      }
      Value* scales[2];
      Value* terms[2] = {};
      for (size_t c = 0; c < 2; ++c) {
        scales[c] = columns[j]->scales[c].Scale(first + step);
        if (has_term_) terms[c] = columns[j]->scales[c].Term(first + step);
      }
      for (size_t i = 0; i < rows.size(); ++i) {
        const std::vector<Value*> products = Step(rows[i], numbers, step);
        for (size_t n = 0; n < products.size(); ++n) {
          Value*& sum = (*sums)[(i * columns.size() + j) * products.size() + n];
          sum = e_.MulAdd(products[n], scales[n % 2], sum);
          if (has_term_) sum = e_.MulAdd(terms[n % 2], activations[i][n], sum);
        }
      }
    }
  }
}

}  // namespace lluda::codegen::gpu
