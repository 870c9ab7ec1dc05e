// TensorProduct of many rows by warps: a tile of 64 rows, whose slabs of 32 elements go through shared
// memory.
#include <algorithm>
#include <memory>

#include "codegen/emit/integer.h"
#include "codegen/nvptx/product/tensor_product.h"
#include "codegen/nvptx/words/eights.h"
#include "ir/type/encoding.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;
using Words = std::vector<Value*>;

constexpr int64_t kStages = 3;  // slabs that are on their way or read

}  // namespace

// A stage holds the slab's 32 elements of each row of a, then of each of the tile's columns; the two
// steps of 16 are apart, so that what a warp reads of eight rows lies side by side.
void TensorProduct::EmitMany(bool aligned) {
  const int64_t columns = TileColumns();
  const int64_t slabs = depth_ / kChunk;
  const int64_t of_segment = SegmentOf(b_.dtype) / kChunk;
  shared_ = e_.Shared(kStages * StageBytes());
  for (int64_t slab = 0; slab < kStages - 1; ++slab) {
    if (slab < slabs) CopySlab(e_.Const(slab), e_.Const(slab), aligned);
    e_.CloseCopies();
  }
  const size_t tile_rows = kTileRows / kWarpRows / 16;
  const auto tile_columns = static_cast<size_t>(columns / kWarpColumns / 8);
  const size_t count = tile_rows * tile_columns * 4;
  const auto step = [&](Value* slab, const std::function<void(Value * stage)>& add) {
    e_.WaitForCopies(kStages - 2);
    e_.Barrier();  // all see the slab, and have read the one whose place is taken next
    Value* next = Integer(e_, slab) + (kStages - 1);
    e_.If(Integer(e_, next) < slabs, [&] { CopySlab(next, Integer(e_, next) % kStages, aligned); });
    e_.CloseCopies();
    add(Integer(e_, slab) % kStages);
  };
  const std::vector<LaneColumns> block_columns =
      IsBlocks() ? TileBlockColumns() : std::vector<LaneColumns>();
  const auto segment = [&](Value* first_slab, int64_t own, Words totals) {
    Words sums(count, e_.ConstF32(0.0f, 1));
    std::unique_ptr<BlockSegment> blocks;
    if (IsBlocks()) {
      std::vector<Value*> numbers;
      const int64_t elements = ir::EncodingOf(b_.dtype).elements;
      for (int64_t i = 0; i < own * kChunk; i += elements) {
        numbers.push_back(FirstBlock(Integer(e_, first_slab) * kChunk + i));
      }
      blocks = std::make_unique<BlockSegment>(e_, b_.dtype, block_columns, numbers);
      blocks->Load(0);
    }
    for (int64_t i = 0; i < own; ++i) {
      step(Integer(e_, first_slab) + i, [&](Value* stage) {
        if (blocks == nullptr) return AddSlab(stage, &sums);
        if (i + 1 < own) blocks->Load(i + 1);
        blocks->Add(i, TileRows(stage), &sums);
      });
    }
    for (size_t i = 0; i < count; ++i) totals[i] = e_.b().CreateFAdd(totals[i], sums[i]);
    return totals;
  };
  Words totals(count, e_.ConstF32(0.0f, 1));
  const int64_t whole = slabs / of_segment * of_segment;
  totals = e_.Loop(e_.Const(0), e_.Const(whole), of_segment, totals,
                   [&](Value* slab, const Words& c) { return segment(slab, of_segment, c); });
  if (whole < slabs) totals = segment(e_.Const(whole), slabs - whole, totals);
  const Integer warp(e_, e_.Warp());
  StoreTile(totals, warp / kWarpColumns * (kTileRows / kWarpRows),
            warp % kWarpColumns * (BlockColumns() / kWarpColumns), columns / kWarpColumns / 8);
  if (MeetsHeads()) EndHeads(Integer(e_, group_) * BlockColumns(), kTileRows);
}

void TensorProduct::CopyUnaligned(Value* to, Value* from) {
  auto& b = e_.b();
  Value* words = llvm::PoisonValue::get(e_.Int(32, 4));
  const Words loaded = LoadWords(from, false);
  for (uint64_t i = 0; i < 4; ++i) words = b.CreateInsertElement(words, loaded[i], i);
  b.CreateAlignedStore(words, to, llvm::Align(16));
}

// Of the columns of a tile, where the weights of column `in_tile` begin: columns of both halves lie in
// turns of eight, so that a lane has a column and its partner. One behind the last is the last.
Value* TensorProduct::TileWeights(Value* in_tile) {
  const Integer at(e_, in_tile);
  Integer column = at;
  Integer part(e_, e_.Const(0));
  if (has_halves()) {
    part = at / 8 % 2;
    column = at / 16 * 8 + at % 8;
  }
  const Integer own(e_,
                    e_.Least(column + Integer(e_, group_) * BlockColumns(), e_.Const(count_ - 1)));
  return e_.Address(e_.Buffer(1), (part * count_ + own) * depth_, b_.dtype);
}

// A thread copies an eight of a row, and of one or two columns.
void TensorProduct::CopySlab(Value* slab, Value* stage, bool aligned) {
  const Integer bytes = Integer(e_, stage) * StageBytes();
  const Integer row = Integer(e_, e_.Thread()) / 4;
  const Integer element = Integer(e_, slab) * kChunk + Integer(e_, e_.Thread()) % 4 * kEight;
  Value* last = Integer(e_, left_) - 1;
  Value* from =
      e_.Address(RowPointer(Integer(e_, first_) + e_.Least(row, last)), element, a_.dtype);
  Value* to = StagePlace(bytes, row);
  if (aligned) {
    e_.BeginCopy(to, from);
  } else {
    CopyUnaligned(to, from);
  }
  if (IsBlocks()) return;
  const int64_t columns = TileColumns();
  constexpr int64_t kRowsTogether = kBlockThreads / 4;
  for (int64_t first = 0; first < columns; first += kRowsTogether) {
    const Integer in_tile = row + first;
    e_.BeginCopy(StagePlace(bytes, in_tile + kTileRows),
                 e_.Address(TileWeights(in_tile), element, b_.dtype));
  }
}

// Where a thread's eight of a row's 32 elements goes.
Value* TensorProduct::StagePlace(Value* stage_bytes, Value* row) {
  const Integer eight = Integer(e_, e_.Thread()) % 4;
  const Integer at = Integer(e_, stage_bytes) + eight / 2 * (StageRows() * kStepBytes) +
                     Integer(e_, row) * kStepBytes + eight % 2 * (2 * kEight);
  return e_.Address(shared_, at, DType::kI8);
}

// The lane's words of row g of eight that begin with `first`.
Words TensorProduct::StageWords(Value* stage, Value* first) {
  Words words;
  for (int64_t step = 0; step < kChunk / kStep; ++step) {
    const Integer row = Integer(e_, e_.Lane()) / 4 + first;
    const Integer at = Integer(e_, stage) * StageBytes() + row * kStepBytes + LaneOffset() * 2 +
                       step * StageRows() * kStepBytes;
    Value* own = e_.Address(shared_, at, DType::kI8);
    for (Value* word : LoadWords(own, true, kLaneElements / 2)) words.push_back(word);
  }
  return words;
}

void TensorProduct::AddSlab(Value* stage, Words* sums) {
  const int64_t columns = TileColumns();
  const Integer warp_row = Integer(e_, e_.Warp()) / kWarpColumns;
  const Integer warp_column = Integer(e_, e_.Warp()) % kWarpColumns;
  const int64_t tile_rows = kTileRows / kWarpRows / 16;
  const int64_t tile_columns = columns / kWarpColumns / 8;
  std::vector<Words> x, y;
  for (int64_t i = 0; i < 2 * tile_rows; ++i) {
    x.push_back(StageWords(stage, warp_row * (kTileRows / kWarpRows) + i * 8));
  }
  for (int64_t j = 0; j < tile_columns; ++j) {
    y.push_back(StageWords(stage, warp_column * (columns / kWarpColumns) + (kTileRows + j * 8)));
  }
  for (size_t half = 0; half < 2; ++half) {
    for (size_t i = 0; i < static_cast<size_t>(tile_rows); ++i) {
      const Words& upper = x[2 * i];
      const Words& lower = x[2 * i + 1];
      for (size_t j = 0; j < y.size(); ++j) {
        const size_t first = (i * y.size() + j) * 4;
        const Words before(sums->begin() + static_cast<int64_t>(first),
                           sums->begin() + static_cast<int64_t>(first) + 4);
        const Words next = e_.Multiply(
            {upper[2 * half], lower[2 * half], upper[2 * half + 1], lower[2 * half + 1]},
            {y[j][2 * half], y[j][2 * half + 1]}, before);
        std::copy(next.begin(), next.end(), sums->begin() + static_cast<int64_t>(first));
      }
    }
  }
}

// What the lane has of 16 rows and 8 columns, again and again: rows from `row` on, and columns of the
// block's from `column` on.
void TensorProduct::StoreTile(const Words& totals, const Integer& row, const Integer& column,
                              int64_t tile_columns) {
  auto& b = e_.b();
  const int64_t tile_rows = static_cast<int64_t>(totals.size()) / 4 / tile_columns;
  const Integer g = Integer(e_, e_.Lane()) / 4;
  const Integer t = Integer(e_, e_.Lane()) % 4;
  const bool whole = count_ % BlockColumns() == 0;
  for (int64_t i = 0; i < tile_rows; ++i) {
    for (int64_t lower = 0; lower < 2; ++lower) {
      const Integer own = row + g + (i * 16 + lower * 8);
      e_.If(own < left_, [&] {
        Value* at = Integer(e_, first_) + own;
        const Integer first_column = Integer(e_, group_) * BlockColumns() + column + t * 2;
        // What is read for an element is asked for before anything is stored: all of it is then on its
        // way at a time.
        Words columns, values;
        for (int64_t j = 0; j < tile_columns; j += Parts()) {
          for (int64_t c = 0; c < 2; ++c) {
            Words sums;
            for (int64_t part = 0; part < Parts(); ++part) {
              sums.push_back(
                  totals[static_cast<size_t>(((i * tile_columns + j + part) * 4) + lower * 2 + c)]);
            }
            columns.push_back(first_column + (j / Parts() * 8 + c));
            Value* inside = whole ? columns.back() : e_.Least(columns.back(), e_.Const(count_ - 1));
            values.push_back(Ended(at, inside, sums));
          }
        }
        for (size_t n = 0; n < values.size(); ++n) {
          const auto store = [&] { StoreEnded(at, columns[n], values[n]); };
          if (whole) store();
          if (!whole) e_.If(b.CreateICmpSLT(columns[n], e_.Const(count_)), store);
        }
      });
    }
  }
}

}  // namespace lluda::codegen::gpu
