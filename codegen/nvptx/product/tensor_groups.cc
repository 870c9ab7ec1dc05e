// TensorProduct of many rows where warpgroups multiply what lies in shared memory.
//
// A block has two warpgroups, one over the other or side by side, and a ring of slabs: 64 elements of
// each row and column of its tile. Threads ask for a slab three ahead, which comes by 16 bytes while
// the warpgroups multiply another one.
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
constexpr int64_t kSlabs = 4;  // in the ring
// Slabs of a chain of products.
constexpr int64_t kSegmentSlabs = 128 / kGroupSlab;
// A thread has one 16 bytes of a row, and of those so many rows on.
constexpr int64_t kChunksOfRow = kTileRowBytes / 16;
constexpr int64_t kRowsTogether = kBlockThreads / kChunksOfRow;

}  // namespace

// Few columns are divided into small tiles: one for each of a hundred multiprocessors and more, at 512
// rows and 1024 columns.
TensorProduct::Tile TensorProduct::GroupTile() const {
  constexpr int64_t kManyColumns = 2048;
  if (launch_.columns < kManyColumns) return {kGroupRows, 64, /*row_groups=*/1};
  return {kGroups * kGroupRows, 128, /*row_groups=*/kGroups};
}

int64_t TensorProduct::GroupStageBytes() const {
  const Tile tile = GroupTile();
  return (tile.rows + tile.columns) * kTileRowBytes;
}

void TensorProduct::EmitGroups() {
  auto& b = e_.b();
  const Tile tile = GroupTile();
  const int64_t slabs = depth_ / kGroupSlab;
  shared_ = e_.Shared(kSlabs * GroupStageBytes());
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
  const auto stage_at = [&](Value* slab) {
    return e_.Address(shared_, Integer(e_, slab) % kSlabs * GroupStageBytes(), ir::DType::kI8);
  };
  const auto copy = [&](Value* slab) {
    Value* stage = e_.Address(stage_at(slab), place, ir::DType::kI8);
    const auto at = [&](Value* base, int64_t row) {
      return e_.Address(base, e_.Const(row * kTileRowBytes), ir::DType::kI8);
    };
    const auto from = [&](Value* begin) {
      return e_.Address(begin, Integer(e_, slab) * kGroupSlab, ir::DType::kBF16);
    };
    const auto copy_rows = [&](const std::function<void(Value*, Value*)>& copy_one) {
      for (size_t i = 0; i < rows.size(); ++i) {
        copy_one(at(stage, static_cast<int64_t>(i) * kRowsTogether), from(rows[i]));
      }
    };
    e_.If(
        is_aligned, [&] { copy_rows([&](Value* to, Value* x) { e_.BeginCopy(to, x); }); },
        [&] { copy_rows([&](Value* to, Value* x) { CopyUnaligned(to, x); }); });
    for (size_t i = 0; i < columns.size(); ++i) {
      e_.BeginCopy(at(stage, tile.rows + static_cast<int64_t>(i) * kRowsTogether),
                   from(columns[i]));
    }
  };
  for (int64_t slab = 0; slab < kSlabs - 1; ++slab) {
    if (slab < slabs) copy(e_.Const(slab));
    e_.CloseCopies();
  }
  const Integer group = thread / kGroupThreads;
  const int64_t column_groups = kGroups / tile.row_groups;
  const int64_t group_columns = tile.columns / column_groups;
  const Integer row_group = group / column_groups;
  const Integer column_group = group % column_groups;
  const auto multiply = [&](Value* slab, const Words& sums) {
    e_.WaitForCopies(kSlabs - 2);
    e_.ShowTiles();
    e_.Barrier();  // all see the slab, and have read the one whose place is taken next
    const Integer next = Integer(e_, slab) + (kSlabs - 1);
    e_.If(next < slabs, [&] { copy(next); });
    e_.CloseCopies();
    Value* stage = stage_at(slab);
    return e_.MultiplyTile(
        e_.Address(stage, row_group * (kGroupRows * kTileRowBytes), ir::DType::kI8),
        e_.Address(stage,
                   column_group * (group_columns * kTileRowBytes) + tile.rows * kTileRowBytes,
                   ir::DType::kI8),
        group_columns, sums);
  };
  const auto segment = [&](Value* first_slab, int64_t own, Words totals) {
    Words sums;
    for (int64_t i = 0; i < own; ++i) sums = multiply(Integer(e_, first_slab) + i, sums);
    for (size_t i = 0; i < totals.size(); ++i) totals[i] = b.CreateFAdd(totals[i], sums[i]);
    return totals;
  };
  Words totals(static_cast<size_t>(group_columns / 2), e_.ConstF32(0.0f, 1));
  const int64_t whole = slabs / kSegmentSlabs * kSegmentSlabs;
  totals = e_.Loop(e_.Const(0), e_.Const(whole), kSegmentSlabs, totals,
                   [&](Value* slab, const Words& c) { return segment(slab, kSegmentSlabs, c); });
  if (whole < slabs) totals = segment(e_.Const(whole), slabs - whole, totals);
  const Integer warp_row = Integer(e_, e_.Warp()) % (kGroupRows / 16) * 16;
  StoreTile(totals, row_group * kGroupRows + warp_row, column_group * (group_columns / Parts()),
            group_columns / 8);
  if (MeetsHeads()) EndHeads(Integer(e_, group_) * BlockColumns(), tile.rows);
}

}  // namespace lluda::codegen::gpu
