// TensorProduct of many rows where warpgroups multiply what lies in shared memory.
//
// A block has two warpgroups, one over the other or side by side, and a ring of stages: a tile of 64
// elements of each of its rows and columns, or two, which are a chain of products. Threads ask for a
// stage some places ahead, which comes by 16 bytes while the warpgroups multiply another one.
#include <algorithm>

#include "codegen/emit/integer.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using runtime::kBlockThreads;
using runtime::kGroupThreads;
using runtime::kTileRowBytes;
using Words = std::vector<Value*>;

constexpr int64_t kGroupRows = 64;  // of a warpgroup
constexpr int64_t kGroups = kBlockThreads / kGroupThreads;
// Slabs of a chain of products.
constexpr int64_t kSegmentSlabs = kSegment / kGroupSlab;
// A thread has one 16 bytes of a row, and of those so many rows on.
constexpr int64_t kChunksOfRow = kTileRowBytes / 16;
constexpr int64_t kRowsTogether = kBlockThreads / kChunksOfRow;

}  // namespace

// Measured on an H200 with 512 rows: a tile for each of its 132 multiprocessors counts most. So 1024
// columns are divided into small ones, of 6144 each has 192.
TensorProduct::Tile TensorProduct::GroupTile() const {
  constexpr int64_t kManyColumns = 2048, kVeryManyColumns = 6144, kWide = 192;
  if (launch_.columns < kManyColumns) {
    return {kGroupRows, 64, /*row_groups=*/1, /*slabs=*/kSegmentSlabs, /*stages=*/4};
  }
  const int64_t rows = kGroups * kGroupRows;
  if (launch_.columns >= kVeryManyColumns && launch_.columns % kWide == 0 && heads_ == nullptr) {
    return {rows, kWide, /*row_groups=*/kGroups, /*slabs=*/1, /*stages=*/4};
  }
  return {rows, 128, /*row_groups=*/kGroups, /*slabs=*/1, /*stages=*/4};
}

int64_t TensorProduct::GroupSlabBytes() const {
  const Tile tile = GroupTile();
  return (tile.rows + tile.columns) * kTileRowBytes;
}

// Neighbouring rows of a tile's sums lie in other banks.
int64_t TensorProduct::HeadRow() const { return BlockColumns() + 8; }

Value* TensorProduct::HeadSum(Value* row, Value* column) {
  const Integer in_tile = Integer(e_, column) - (Integer(e_, group_) * BlockColumns());
  return e_.Address(shared_, (Integer(e_, row) - first_) * HeadRow() + in_tile, ir::DType::kF32);
}

// Warps take the heads of the block's rows in turns, several at a time.
void TensorProduct::EndOwnHeads() {
  constexpr int64_t kTogether = 4;
  e_.Barrier();
  const int64_t heads = BlockColumns() / heads_->dims();
  const Integer all = Integer(e_, left_) * heads;
  e_.Loop(e_.Warp(), all, kTogether * runtime::kBlockWarps, [&](Value* i) {
    std::vector<Heads::Head> own;
    for (int64_t n = 0; n < kTogether; ++n) {
      const Integer number = Integer(e_, i) + n * runtime::kBlockWarps;
      const Integer at(e_, e_.Least(number, all - 1));
      Value* row = Integer(e_, first_) + at / heads;
      const Integer head = Integer(e_, group_) * heads + at % heads;
      const Integer known(e_, e_.Least(head, e_.Const(count_ / heads_->dims() - 1)));
      Value* there = e_.b().CreateAnd(number < all, head < count_ / heads_->dims());
      own.push_back(
          {heads_->RowOf({{rows_.name, row}}, known), HeadSum(row, known * heads_->dims()), there});
    }
    heads_->Finish(own);
  });
}

void TensorProduct::EmitGroups() {
  auto& b = e_.b();
  const Tile tile = GroupTile();
  const int64_t slabs = depth_ / kGroupSlab;
  const int64_t stage_bytes = tile.slabs * GroupSlabBytes();
  shared_ =
      e_.Shared(std::max(tile.stages * stage_bytes, HasHeads() ? 4 * tile.rows * HeadRow() : 0));
  const Integer thread(e_, e_.Thread());
  const Integer own_row = thread / kChunksOfRow;
  const Integer chunk = thread % kChunksOfRow;
  // Rows behind the last are read as it, and not stored.
  Value* last = Integer(e_, left_) - 1;
  Words rows, columns;
  for (int64_t i = 0; i < tile.rows; i += kRowsTogether) {
    Value* row = RowPointer(Integer(e_, first_) + e_.Least(own_row + i, last));
    rows.push_back(e_.Address(row, chunk * kEight, a_.dtype));
  }
  for (int64_t i = 0; i < tile.columns; i += kRowsTogether) {
    columns.push_back(e_.Address(TileWeights(own_row + i), chunk * kEight, b_.dtype));
  }
  // As TilePlace; rows together are a multiple of eight.
  Value* in_row = b.CreateXor(chunk, own_row % 8);
  const Integer place = own_row * kTileRowBytes + Integer(e_, in_row) * 16;
  Value* is_aligned = IsAligned();
  // Where the slab's tiles lie in the ring.
  const auto slab_at = [&](const Integer& slab) {
    const Integer stage = slab / tile.slabs % tile.stages;
    return e_.Address(shared_, stage * stage_bytes + slab % tile.slabs * GroupSlabBytes(),
                      ir::DType::kI8);
  };
  const auto copy = [&](const Integer& slab) {
    Value* to = e_.Address(slab_at(slab), place, ir::DType::kI8);
    const auto at = [&](int64_t row) {
      return e_.Address(to, e_.Const(row * kTileRowBytes), ir::DType::kI8);
    };
    const auto from = [&](Value* begin) {
      return e_.Address(begin, slab * kGroupSlab, ir::DType::kBF16);
    };
    const auto copy_rows = [&](const std::function<void(Value*, Value*)>& copy_one) {
      for (size_t i = 0; i < rows.size(); ++i) {
        copy_one(at(static_cast<int64_t>(i) * kRowsTogether), from(rows[i]));
      }
    };
    e_.If(
        is_aligned, [&] { copy_rows([&](Value* x, Value* y) { e_.BeginCopy(x, y); }); },
        [&] { copy_rows([&](Value* x, Value* y) { CopyUnaligned(x, y); }); });
    for (size_t i = 0; i < columns.size(); ++i) {
      e_.BeginCopy(at(tile.rows + static_cast<int64_t>(i) * kRowsTogether), from(columns[i]));
    }
  };
  // The slabs of a stage, which begins with this one.
  const auto copy_stage = [&](const Integer& slab) {
    e_.If(slab < slabs, [&] { copy(slab); });
    for (int64_t i = 1; i < tile.slabs; ++i) {
      e_.If(slab + i < slabs, [&] { copy(slab + i); });
    }
    e_.CloseCopies();
  };
  for (int64_t stage = 0; stage < tile.stages - 1; ++stage) {
    copy_stage(Integer(e_, e_.Const(stage * tile.slabs)));
  }
  const Integer group = thread / kGroupThreads;
  const int64_t column_groups = kGroups / tile.row_groups;
  const int64_t group_columns = tile.columns / column_groups;
  const Integer row_group = group / column_groups;
  const Integer column_group = group % column_groups;
  const Integer row_place = row_group * (kGroupRows * kTileRowBytes);
  const Integer column_place =
      column_group * (group_columns * kTileRowBytes) + tile.rows * kTileRowBytes;
  // The products of some slabs of a stage from its first one on, added to `sums`.
  const auto multiply = [&](const Integer& slab, int64_t count, Words sums) {
    e_.WaitForCopies(static_cast<int>(tile.stages) - 2);
    e_.ShowTiles();
    e_.Barrier();  // all see the stage, and have read the one whose place is taken next
    for (int64_t i = 0; i < count; ++i) {
      Value* at = slab_at(slab + i);
      sums = e_.BeginTile(e_.Address(at, row_place, ir::DType::kI8),
                          e_.Address(at, column_place, ir::DType::kI8), group_columns, sums);
    }
    copy_stage(slab + (tile.stages - 1) * tile.slabs);
    return e_.EndTile(sums);
  };
  const auto segment = [&](Value* first, int64_t count, Words totals) {
    Words sums;
    for (int64_t i = 0; i < count; i += tile.slabs) {
      sums = multiply(Integer(e_, first) + i, std::min(tile.slabs, count - i), sums);
    }
    for (size_t i = 0; i < totals.size(); ++i) totals[i] = b.CreateFAdd(totals[i], sums[i]);
    return totals;
  };
  Words totals(static_cast<size_t>(group_columns / 2), e_.ConstF32(0.0f, 1));
  const int64_t whole = slabs / kSegmentSlabs * kSegmentSlabs;
  totals = e_.Loop(e_.Const(0), e_.Const(whole), kSegmentSlabs, totals,
                   [&](Value* slab, const Words& c) { return segment(slab, kSegmentSlabs, c); });
  if (whole < slabs) totals = segment(e_.Const(whole), slabs - whole, totals);
  if (HasHeads()) e_.Barrier();  // all have read the last slab, whose place the sums take
  const Integer warp_row = Integer(e_, e_.Warp()) % (kGroupRows / 16) * 16;
  StoreTile(totals, row_group * kGroupRows + warp_row, column_group * (group_columns / Parts()),
            group_columns / 8);
  if (HasHeads()) EndOwnHeads();
  if (MeetsHeads()) EndHeads(Integer(e_, group_) * BlockColumns(), tile.rows);
}

}  // namespace lluda::codegen::gpu
