// Attention of few tokens: blocks of threads take 64s of the cache in turns, and the last merges.
#include <cstdint>
#include <vector>

#include "codegen/emit/integer.h"
#include "codegen/nvptx/tensor_attention.h"
#include "codegen/nvptx/words/eights.h"
#include "machine/gpu_tiles.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;

// Blocks of threads that take a token's KV head's blocks in turns.
constexpr int64_t kTurns = 16;
// Merged parts that are asked for at a time.
constexpr int64_t kPartsTogether = 8;

}  // namespace

// Of a block's row: values, then maximum and sum.
Value* TensorAttention::PartAddress(Value* token, Value* kv, Value* block, Value* row) {
  auto& b = e_.b();
  Value* parts =
      b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), e_.Workspace(), runtime::kWorkspaceCounterBytes);
  const Integer blocks =
      (Integer(e_, o_.PositionsOf(e_, o_.UnitsOf(kPositions))) + (kPositions - 1)) / kPositions;
  const Integer number =
      (Integer(e_, token) * kv_heads_ + kv) * blocks + o_.Place(e_, block, kPositions);
  return e_.Address(parts, (number * group_ + row) * (o_.dims + 2), DType::kF32);
}

KernelInfo TensorAttention::EmitFew() {
  auto& b = e_.b();
  KernelInfo info;
  info.work_axes = {o_.Token()};
  info.work_axes.push_back({"kv head", ir::Extent::Constant(kv_heads_)});
  info.work_axes.push_back({"turn", ir::Extent::Constant(kTurns)});
  const AttentionOperands::Units units = o_.UnitsOf(kPositions);
  info.split = {/*below=*/1, units.extent, units.more, kPositions,
                machine::kGpuFewTokens * kv_heads_ * group_ * (o_.dims + 2) * 4};
  e_.WantBlocks(2);
  // Scores of 16 rows by tiles.
  shared_ = e_.Shared(4 * kMostRows * kPositions);
  const Indices item = e_.IndicesOf(info.work_axes, e_.Block(), 1);
  Value* token = item.at(o_.Token().name);
  Value* kv = item.at("kv head");
  const Indices kv_at = e_.IndicesOf(kv_axes_, kv, 1);
  Row rows[2];
  for (int64_t r = 0; r < 2; ++r) {
    Value* head = e_.Least(Integer(e_, g_) + 8 * r, e_.Const(group_ - 1));
    rows[r] = RowOf(token, head, kv_at);
  }
  Indices cache = kv_at;
  cache[o_.slot] = o_.SlotOf(e_, token);
  Value* last = rows[0].last;
  const Integer first_block = Integer(e_, rows[0].first) / kPositions;
  const Integer end_block = Integer(e_, last) / kPositions + 1;
  // The first from there on whose turn it is.
  Value* behind =
      b.CreateURem(Integer(e_, item.at("turn")) + kTurns - first_block % kTurns, e_.Const(kTurns));
  const int64_t chunks = o_.dims / kChunk;
  std::vector<Words> query;  // upper and lower rows of each chunk
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (const bool lower : {false, true}) query.push_back(QueryWords(rows, chunk, lower));
  }
  const auto score_at = [&](Value* row, Value* tile, Value* column) {
    return e_.Address(shared_, (Integer(e_, tile) * kMostRows + row) * 8 + column, DType::kF32);
  };
  const auto clamped = [&](Value* position) { return e_.Least(position, last); };
  Value* warp = e_.Warp();
  e_.Loop(first_block + behind, end_block, kTurns, [&](Value* block) {
    const Integer begin = Integer(e_, block) * kPositions;
    // The warp's tile of scores; its keys.
    const Integer in_step = Integer(e_, g_) / 2 + Integer(e_, g_) % 2 * 4;
    Value* key = begin + Integer(e_, warp) / 2 * 16 + Integer(e_, warp) % 2 * 8 + in_step;
    Value* keys = CachePointer(AttentionOperands::kK, cache, clamped(key));
    std::vector<Words> y;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      Value* at = Integer(e_, t_) * kEight + chunk * kChunk;
      y.push_back(LoadWords(e_.Address(keys, at, DType::kBF16)));
    }
    // Values of the warp's 16 elements: a word of two for each of the lane's positions.
    Value* has_values = Integer(e_, warp) < o_.dims / 16;
    Value* element =
        b.CreateSelect(has_values, Integer(e_, warp) * 16 + Integer(e_, g_) * 2, e_.Const(0));
    std::vector<Value*> values;
    for (int64_t i = 0; i < 4 * kSteps; ++i) {
      Value* position = begin + t_ + (i / 4 * 16 + i % 4 * 4);
      Value* from = CachePointer(AttentionOperands::kV, cache, clamped(position));
      values.push_back(b.CreateAlignedLoad(e_.Int(32, 1), e_.Address(from, element, DType::kBF16),
                                           llvm::Align(4)));
    }
    Words scores(4, F32(0));
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const Words& upper = query[static_cast<size_t>(2 * chunk)];
      const Words& lower = query[static_cast<size_t>(2 * chunk + 1)];
      const Words& own = y[static_cast<size_t>(chunk)];
      for (size_t half = 0; half < 2; ++half) {
        scores = e_.Multiply(
            {upper[2 * half], lower[2 * half], upper[2 * half + 1], lower[2 * half + 1]},
            {own[2 * half], own[2 * half + 1]}, scores);
      }
    }
    for (int64_t i = 0; i < 4; ++i) {
      e_.Store(score_at(Integer(e_, g_) + i / 2 * 8, warp, Integer(e_, t_) * 2 + i % 2),
               DType::kF32, scores[static_cast<size_t>(i)]);
    }
    e_.Barrier();
    std::vector<Words> all;
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      Words own;
      for (int64_t i = 0; i < 4; ++i) {
        own.push_back(e_.Load(
            score_at(Integer(e_, g_) + i / 2 * 8, e_.Const(tile), Integer(e_, t_) * 2 + i % 2),
            DType::kF32, 1));
      }
      all.push_back(own);
    }
    e_.Barrier();  // the scores' place is free for the next block's
    const Seen seen = SeenOf(all, begin, rows);
    const Weights weights = WeightsOf(seen, seen.maximum);
    // Element 2g of the lane's column g in the first product, 2g + 1 in the second.
    Words sums[2];
    for (uint64_t odd = 0; odd < 2; ++odd) {
      Words sum(4, F32(0));
      for (size_t step = 0; step < kSteps; ++step) {
        Words pair;
        for (size_t i = 0; i < 2; ++i) {
          pair.push_back(PairOf(values[4 * step + 2 * i], values[4 * step + 2 * i + 1], odd != 0));
        }
        for (const auto& part : weights.parts) sum = e_.Multiply(part[step], pair, sum);
      }
      sums[odd] = sum;
    }
    for (int64_t r = 0; r < (HasLowerRows() ? 2 : 1); ++r) {
      const Integer row = Integer(e_, g_) + 8 * r;
      e_.If(row < group_, [&] {
        Value* part = PartAddress(token, kv, block, row);
        e_.If(has_values, [&] {
          for (int64_t c = 0; c < 2; ++c) {
            for (int64_t odd = 0; odd < 2; ++odd) {
              // Column 2t + c of the product.
              Value* at = Integer(e_, warp) * 16 + (Integer(e_, t_) * 2 + c) * 2 + odd;
              e_.Store(e_.Address(part, at, DType::kF32), DType::kF32,
                       sums[odd][static_cast<size_t>(2 * r + c)]);
            }
          }
        });
        e_.If(b.CreateICmpEQ(e_.Thread(), Integer(e_, g_) * 4), [&] {
          const auto r_index = static_cast<size_t>(r);
          e_.Store(e_.Address(part, e_.Const(o_.dims), DType::kF32), DType::kF32,
                   seen.maximum[r_index]);
          e_.Store(e_.Address(part, e_.Const(o_.dims + 1), DType::kF32), DType::kF32,
                   SumOf(weights.sums[r_index]));
        });
      });
    }
  });
  Value* counter = e_.Address(e_.Workspace(), Integer(e_, token) * kv_heads_ + kv, DType::kI32);
  e_.IfLastBlock(counter, e_.Const(kTurns), [&] {
    // A thread for each element of each head.
    e_.Loop(e_.Thread(), e_.Const(group_ * o_.dims), kBlockThreads, [&](Value* i) {
      Value* head = Integer(e_, i) / o_.dims;
      Value* d = Integer(e_, i) % o_.dims;
      const Emitter::Carried merged =
          e_.Loop(first_block, end_block, kPartsTogether, {F32(kLowest), F32(0), F32(0)},
                  [&](Value* from, const Emitter::Carried& before) {
                    std::vector<Value*> loaded[3];
                    Value* end = Integer(e_, end_block) - 1;
                    for (int64_t k = 0; k < kPartsTogether; ++k) {
                      Value* block = e_.Least(Integer(e_, from) + k, end);
                      Value* part = PartAddress(token, kv, block, head);
                      Value* places[] = {e_.Const(o_.dims), e_.Const(o_.dims + 1), d};
                      for (size_t n = 0; n < 3; ++n) {
                        loaded[n].push_back(
                            e_.Load(e_.Address(part, places[n], DType::kF32), DType::kF32, 1));
                      }
                    }
                    Emitter::Carried now = before;
                    for (size_t k = 0; k < kPartsTogether; ++k) {
                      Value* inside = Integer(e_, from) + static_cast<int64_t>(k) < end_block;
                      Emitter::Carried next = now;
                      const Factors factors = MergeMaximum(&next[0], loaded[0][k]);
                      next[1] = MergeValue(now[1], loaded[1][k], factors);
                      next[2] = MergeValue(now[2], loaded[2][k], factors);
                      for (size_t n = 0; n < 3; ++n)
                        now[n] = b.CreateSelect(inside, next[n], now[n]);
                    }
                    return now;
                  });
      Indices to = o_.RowOf(kv_at, token, head);
      to[o_.dim] = d;
      const TensorSpec& out = spec_.result;
      e_.Store(e_.Address(e_.Buffer(o_.result_buffer()), e_.Offset(out.axes, to), out.dtype),
               out.dtype, b.CreateFDiv(merged[2], merged[1]));
    });
  });
  return info;
}

}  // namespace lluda::codegen::gpu
