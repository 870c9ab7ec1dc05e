#include "codegen/nvptx/tensor_attention.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "codegen/emit/integer.h"
#include "codegen/emit/math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/eights.h"
#include "machine/gpu_tiles.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;
using runtime::kBlockWarps;
using runtime::kWarpThreads;

// A maximum of nothing. It is finite, so that exp of a difference to it is no NaN.
constexpr float kLowest = std::numeric_limits<float>::lowest();
constexpr int64_t kPositions = 64;          // of a block of the cache
constexpr int64_t kTiles = kPositions / 8;  // of 8 positions, which are a product's columns
constexpr int64_t kSteps = kPositions / 16;
constexpr int64_t kChunk = 32;  // elements of a head, of which a lane reads 8 at a time
constexpr int64_t kMostRows = 16;
// Blocks of threads that take a token's KV head's blocks in turns.
constexpr int64_t kTurns = 16;
// With many tokens, blocks of threads that take a tile's runs of one slot in turns.
constexpr int64_t kRunTurns = 4;
// Merged parts that are asked for at a time.
constexpr int64_t kPartsTogether = 8;
// Elements of the result that a warp has of its rows, with many tokens: warps share rows of more.
constexpr int64_t kWarpElements = 64;
// A position's values in shared memory are so much longer that neighbours lie in other banks.
constexpr int64_t kValuePadding = 32;

int64_t PowerOfTwoFrom(int64_t number) {
  int64_t power = 1;
  while (power < number) power *= 2;
  return power;
}

bool IsInEights(const TensorSpec& tensor, const std::string& dim) {
  return !tensor.layout.is_panel() && IsContiguous(tensor, dim) &&
         std::all_of(tensor.axes.begin(), tensor.axes.end(), [&](const ir::StridedAxis& strided) {
           return strided.axis.name == dim || strided.stride.factor % kEight == 0;
         });
}

}  // namespace

bool TensorAttention::Fits(const KernelSpec& spec) {
  const AttentionOperands o(spec);
  if (spec.attrs.mask != ir::Mask::kCausal || !(*spec.attrs.scale > 0) || o.has_scales()) {
    return false;
  }
  if (o.q.dtype != DType::kBF16 || o.k.dtype != DType::kBF16 || o.v.dtype != DType::kBF16) {
    return false;
  }
  const ir::StridedAxis* positions = o.k.Find(o.pos);
  return IsInEights(o.k, o.dim) && IsInEights(o.v, o.dim) && IsContiguous(o.q, o.dim) &&
         o.dims % kPositions == 0 && o.dims <= 128 && o.QueryAxes().size() <= 1 &&
         o.Group() <= kMostRows && o.positions.axes.size() == 1 &&
         !o.Token().extent.is_constant() &&
         (spec.attrs.ring || !positions->axis.extent.is_constant());
}

std::string TensorAttention::TokenSymbolOf(const KernelSpec& spec) {
  return AttentionOperands(spec).Token().extent.symbol;
}

TensorAttention::TensorAttention(const KernelSpec& spec, GpuEmitter& e)
    : spec_(spec),
      e_(e),
      o_(spec),
      kv_axes_(o_.HeadAxes()),
      group_(o_.Group()),
      padded_(PowerOfTwoFrom(group_)) {
  for (const ir::Axis& axis : kv_axes_) kv_heads_ *= axis.extent.value;
}

KernelInfo TensorAttention::Emit() {
  lane_ = e_.Lane();
  g_ = Integer(e_, lane_) / 4;
  t_ = Integer(e_, lane_) % 4;
  return spec_.many ? EmitMany() : EmitFew();
}

Value* TensorAttention::Exp(Value* x) { return ExpOfScaled(e_, x, o_.Scale()); }

// Which position of a block a column of a tile is. A lane has columns 2t and 2t + 1 of tiles 2i and
// 2i + 1: positions 16i + t, and 4, 8 and 12 further on.
Value* TensorAttention::KeyOfColumn(int64_t tile, Value* column) {
  const Integer own(e_, column);
  return own / 2 + own % 2 * 4 + (tile / 2 * 16 + tile % 2 * 8);
}

TensorAttention::Words TensorAttention::LoadWords(Value* pointer) {
  Value* all = e_.b().CreateAlignedLoad(e_.Int(32, 4), pointer, llvm::Align(16));
  Words words;
  for (uint64_t i = 0; i < 4; ++i) words.push_back(e_.b().CreateExtractElement(all, i));
  return words;
}

TensorAttention::Words TensorAttention::LoadElements(Value* pointer) {
  auto& b = e_.b();
  Words words;
  for (int64_t i = 0; i < 4; ++i) {
    Value* halves[2];
    for (int64_t half = 0; half < 2; ++half) {
      Value* element = e_.Address(pointer, e_.Const(2 * i + half), DType::kBF16);
      halves[half] =
          b.CreateZExt(b.CreateAlignedLoad(e_.Int(16, 1), element, llvm::Align(2)), e_.Int(32, 1));
    }
    words.push_back(b.CreateOr(halves[0], b.CreateShl(halves[1], 16)));
  }
  return words;
}

TensorAttention::Words TensorAttention::QueryWords(const Row rows[2], int64_t chunk, bool lower) {
  if (lower && !HasLowerRows()) return Words(4, e_.ConstInt(0, 32, 1));
  Indices at = rows[lower ? 1 : 0].at;
  at[o_.dim] = Integer(e_, t_) * kEight + chunk * kChunk;
  Value* from =
      e_.Address(e_.Buffer(AttentionOperands::kQ), e_.Offset(o_.q.axes, at), DType::kBF16);
  if (!IsInEights(o_.q, o_.dim)) return LoadElements(from);
  // What a view begins with may lie anywhere.
  auto& b = e_.b();
  Value* bits = b.CreateAnd(b.CreatePtrToInt(from, b.getInt64Ty()), e_.Const(15));
  return e_.Choose(
      b.CreateICmpEQ(bits, e_.Const(0)), [&] { return LoadWords(from); },
      [&] { return LoadElements(from); });
}

Value* TensorAttention::CachePointer(int operand, const Indices& cache, Value* position) {
  Indices at = cache;
  at[o_.pos] = CellOf(e_, spec_, position);
  return e_.Address(e_.Buffer(operand), e_.Offset(spec_.operands[operand].axes, at), DType::kBF16);
}

TensorAttention::Row TensorAttention::RowOf(Value* token, Value* head, const Indices& kv) {
  Row row;
  row.last = o_.LastOf(e_, token);
  row.first = e_.Most(o_.FirstOf(e_, row.last), e_.Const(0));
  row.at = o_.RowOf(kv, token, head);
  return row;
}

TensorAttention::Weights TensorAttention::WeightsOf(const std::vector<Words>& scores, Value* block,
                                                    const Row rows[2]) {
  auto& b = e_.b();
  Weights result;
  for (std::vector<Words>& part : result.parts) {
    part.assign(kSteps, Words(4, e_.ConstInt(0, 32, 1)));
  }
  for (size_t r = 0; r < 2; ++r) {
    if (r > 0 && !HasLowerRows()) {
      result.maximum[r] = result.sum[r] = F32(0);
      continue;
    }
    std::vector<Value*> x, seen;
    Value* maximum = F32(kLowest);
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      for (int64_t c = 0; c < 2; ++c) {
        Value* score = scores[static_cast<size_t>(tile)][2 * r + static_cast<size_t>(c)];
        if (o_.has_softcap()) score = Tanh(e_, b.CreateFMul(score, F32(o_.InnerScale())));
        Value* position =
            Integer(e_, block) * kPositions + KeyOfColumn(tile, Integer(e_, t_) * 2 + c);
        seen.push_back(b.CreateAnd(b.CreateICmpSGE(position, rows[r].first),
                                   b.CreateICmpSLE(position, rows[r].last)));
        x.push_back(b.CreateSelect(seen.back(), score, F32(kLowest)));
        maximum = e_.Max(x.back(), maximum);
      }
    }
    // A row's other scores are in the lanes beside this one.
    const auto beside = [&](Value* value, int64_t distance) {
      Value* own = b.CreateTrunc(lane_, e_.Int(32, 1));
      return e_.Shuffle(value, b.CreateXor(own, e_.ConstInt(distance, 32, 1)));
    };
    for (const int64_t distance : {2, 1}) maximum = e_.Max(beside(maximum, distance), maximum);
    Value* sum = F32(0);
    for (size_t i = 0; i < x.size(); ++i) {
      Value* weight = b.CreateSelect(seen[i], Exp(b.CreateFSub(x[i], maximum)), F32(0));
      sum = b.CreateFAdd(sum, weight);
      // Words 0 and 1 are of the first tile of a step, 2 and 3 of the second.
      const size_t word = i / 2 % 2 * 2 + r;
      Value* rest = weight;
      for (size_t part = std::size(result.parts); part-- > 0;) {
        // The highest 8 bits of what is left: exact, however large the weight is.
        Value* bits = b.CreateAnd(b.CreateBitCast(rest, e_.Int(32, 1)), b.getInt32(0xFFFF0000));
        rest = b.CreateFSub(rest, b.CreateBitCast(bits, e_.F32(1)));
        Value*& to = result.parts[part][i / 4][word];
        to = i % 2 == 0 ? b.CreateLShr(bits, 16) : b.CreateOr(to, bits);
      }
    }
    for (const int64_t distance : {2, 1}) sum = b.CreateFAdd(sum, beside(sum, distance));
    result.maximum[r] = maximum;
    result.sum[r] = sum;
  }
  return result;
}

TensorAttention::Factors TensorAttention::MergeMaximum(Value** maximum, Value* of_part) {
  auto& b = e_.b();
  Value* larger = e_.Max(of_part, *maximum);
  const Factors factors = {Exp(b.CreateFSub(*maximum, larger)), Exp(b.CreateFSub(of_part, larger))};
  *maximum = larger;
  return factors;
}

Value* TensorAttention::MergeValue(Value* before, Value* of_part, const Factors& factors) {
  return e_.MulAdd(of_part, factors.part, e_.b().CreateFMul(before, factors.before));
}

// The lower or the upper halves of two words, as one.
Value* TensorAttention::PairOf(Value* first, Value* second, bool upper) {
  auto& b = e_.b();
  if (upper) {
    return b.CreateOr(b.CreateLShr(first, 16), b.CreateAnd(second, b.getInt32(0xFFFF0000)));
  }
  return b.CreateOr(b.CreateAnd(first, b.getInt32(0xFFFF)), b.CreateShl(second, 16));
}

int64_t TensorAttention::RowWarps() const { return kBlockWarps / (o_.dims / kWarpElements); }

// ---- Few tokens.

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
  info.split = {/*below=*/1, o_.UnitsOf(kPositions).extent, kPositions,
                machine::kGpuFewRows * kv_heads_ * group_ * (o_.dims + 2) * 4};
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
    const Weights weights = WeightsOf(all, block, rows);
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
                   weights.maximum[r_index]);
          e_.Store(e_.Address(part, e_.Const(o_.dims + 1), DType::kF32), DType::kF32,
                   weights.sum[r_index]);
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

// ---- Many tokens.

// In chunks of 32 elements, and in a chunk in the order of the tiles' columns, 64 bytes each.
void TensorAttention::CopyKeys(const Indices& cache, Value* block, Value* last) {
  auto& b = e_.b();
  const int64_t eights = o_.dims / kEight;
  for (int64_t i = 0; i < kPositions * eights; i += kBlockThreads) {
    const Integer piece = Integer(e_, e_.Thread()) + i;
    const Integer place = piece / eights;  // among the columns
    const Integer eight = piece % eights;
    const Integer key = place / 16 * 16 + place / 8 % 2 * 8 + place % 8 / 2 + place % 2 * 4;
    Value* position = e_.Least(Integer(e_, block) * kPositions + key, last);
    Value* from = e_.Address(CachePointer(AttentionOperands::kK, cache, position), eight * kEight,
                             DType::kBF16);
    Value* to = eight / 4 * (kPositions * 2 * kChunk) + place * (2 * kChunk) + eight % 4 * 16;
    e_.BeginCopy(b.CreateInBoundsGEP(b.getInt8Ty(), shared_, to), from);
  }
  e_.CloseCopies();
}

void TensorAttention::CopyValues(const Indices& cache, Value* block, Value* last) {
  auto& b = e_.b();
  const int64_t eights = o_.dims / kEight;
  const int64_t keys = kPositions * 2 * o_.dims;
  for (int64_t i = 0; i < kPositions * eights; i += kBlockThreads) {
    const Integer piece = Integer(e_, e_.Thread()) + i;
    const Integer key = piece / eights;
    const Integer eight = piece % eights;
    Value* position = e_.Least(Integer(e_, block) * kPositions + key, last);
    Value* from = e_.Address(CachePointer(AttentionOperands::kV, cache, position), eight * kEight,
                             DType::kBF16);
    Value* to = key * (2 * o_.dims + kValuePadding) + eight * 16 + keys;
    e_.BeginCopy(b.CreateInBoundsGEP(b.getInt8Ty(), shared_, to), from);
  }
  e_.CloseCopies();
}

KernelInfo TensorAttention::EmitMany() {
  auto& b = e_.b();
  const int64_t tokens = RowWarps() * kMostRows / padded_;
  KernelInfo info;
  // Most tiles are one run, and the blocks of the other turns end at once: they come last.
  info.work_axes = {{"turn", ir::Extent::Constant(kRunTurns)},
                    {"kv head", ir::Extent::Constant(kv_heads_)},
                    o_.Token()};
  info.item_rows = tokens;
  const int64_t key_bytes = kPositions * 2 * o_.dims;
  const int64_t value_bytes = kPositions * (2 * o_.dims + kValuePadding);
  shared_ = e_.Shared(key_bytes + value_bytes);
  const Indices item = e_.IndicesOf(info.work_axes, e_.Block(), tokens);
  Value* first_token = item.at(o_.Token().name);
  const Indices kv_at = e_.IndicesOf(kv_axes_, item.at("kv head"), 1);
  Value* left = e_.Least(Integer(e_, o_.Tokens(e_)) - first_token, e_.Const(tokens));
  Row rows[2];
  Value* own_token[2];  // in the tile
  Value* stores[2];
  for (int64_t r = 0; r < 2; ++r) {
    const Integer row = Integer(e_, e_.Warp()) % RowWarps() * kMostRows + g_ + 8 * r;
    own_token[r] = row / padded_;
    Value* head = row % padded_;
    stores[r] = b.CreateAnd(b.CreateICmpSLT(own_token[r], left), Integer(e_, head) < group_);
    Value* token = Integer(e_, e_.Least(own_token[r], Integer(e_, left) - 1)) + first_token;
    rows[r] = RowOf(token, e_.Least(head, e_.Const(group_ - 1)), kv_at);
  }
  // Tokens of one slot in a row are a run; a tile's rows of other runs see nothing of its cache.
  const auto fold = [&](Value* begin, Value* end, Value* init,
                        const std::function<Value*(Value*)>& map,
                        const std::function<Value*(Value*, Value*)>& combine) {
    Value* own = e_.Loop(Integer(e_, begin) + lane_, end, kWarpThreads, {init},
                         [&](Value* i, const Emitter::Carried& c) {
                           return Emitter::Carried{combine(c[0], map(i))};
                         })[0];
    llvm::Type* i32 = e_.Int(32, 1);
    for (int64_t distance = kWarpThreads / 2; distance >= 1; distance /= 2) {
      Value* lane = b.CreateXor(b.CreateTrunc(lane_, i32), e_.ConstInt(distance, 32, 1));
      Value* other = e_.ShuffleBits(b.CreateTrunc(own, i32), lane);
      own = combine(own, b.CreateSExt(other, b.getInt64Ty()));
    }
    return own;
  };
  const auto least = [&](Value* x, Value* y) { return e_.Least(x, y); };
  const auto most = [&](Value* x, Value* y) { return e_.Most(x, y); };
  const auto slot_at = [&](Value* i) { return o_.SlotOf(e_, Integer(e_, first_token) + i); };
  const auto last_at = [&](Value* i) { return o_.LastOf(e_, Integer(e_, first_token) + i); };
  // Runs are found as they come: the loop counts tokens, and goes on where a run begins. Carried are
  // that place and the run's number.
  e_.Loop(
      e_.Const(0), left, 1, {e_.Const(0), e_.Const(0)},
      [&](Value* i, const Emitter::Carried& next_run) {
        Value* begins = b.CreateICmpEQ(i, next_run[0]);
        auto* before = b.GetInsertBlock();
        auto* run_block = llvm::BasicBlock::Create(e_.context(), "run", e_.function());
        auto* after = llvm::BasicBlock::Create(e_.context(), "run_end", e_.function());
        b.CreateCondBr(begins, run_block, after);
        b.SetInsertPoint(run_block);
        Value* slot = slot_at(i);
        Value* end = fold(
            i, left, left,
            [&](Value* at) { return b.CreateSelect(b.CreateICmpEQ(slot_at(at), slot), left, at); },
            least);
        Value* is_own = b.CreateICmpEQ(Integer(e_, next_run[1]) % kRunTurns, item.at("turn"));
        e_.If(is_own, [&] {
          Value* last = fold(i, end, e_.Const(0), last_at, most);
          Value* first = e_.Const(0);
          if (o_.has_window()) {
            first = fold(
                i, end, last,
                [&](Value* at) { return e_.Most(o_.FirstOf(e_, last_at(at)), e_.Const(0)); },
                least);
          }
          Indices cache = kv_at;
          cache[o_.slot] = slot;
          Row seen[2] = {rows[0], rows[1]};
          Value* in_run[2];
          for (size_t r = 0; r < 2; ++r) {
            in_run[r] =
                b.CreateAnd(b.CreateICmpSGE(own_token[r], i), b.CreateICmpSLT(own_token[r], end));
            seen[r].last = b.CreateSelect(in_run[r], rows[r].last, e_.Const(-1));
          }
          EmitRun(cache, first, last, seen, in_run, stores);
        });
        auto* run_end = b.GetInsertBlock();
        b.CreateBr(after);
        b.SetInsertPoint(after);
        auto* next = b.CreatePHI(b.getInt64Ty(), 2);
        next->addIncoming(next_run[0], before);
        next->addIncoming(end, run_end);
        Value* runs = Integer(e_, next_run[1]) + b.CreateZExt(begins, b.getInt64Ty());
        return Emitter::Carried{next, runs};
      });
  return info;
}

void TensorAttention::EmitRun(const Indices& cache, Value* first, Value* last, const Row rows[2],
                              Value* const in_run[2], Value* const stores[2]) {
  auto& b = e_.b();
  const int64_t chunks = o_.dims / kChunk;
  constexpr size_t tiles = kWarpElements / 8;
  Value* part_of_row = Integer(e_, e_.Warp()) / RowWarps();
  const int64_t key_bytes = kPositions * 2 * o_.dims;
  const int64_t row_bytes = 2 * o_.dims + kValuePadding;
  const Integer first_block = Integer(e_, first) / kPositions;
  const Integer end_block = Integer(e_, last) / kPositions + 1;
  std::vector<Words> query;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (const bool lower : {false, true}) query.push_back(QueryWords(rows, chunk, lower));
  }
  e_.Barrier();  // an earlier run's last block has been read
  CopyKeys(cache, first_block, last);
  CopyValues(cache, first_block, last);
  // Carried are the rows' maxima and sums, then the values.
  Emitter::Carried state = {F32(kLowest), F32(kLowest), F32(0), F32(0)};
  state.resize(4 + 4 * tiles, F32(0));
  state =
      e_.Loop(first_block, end_block, 1, state, [&](Value* block, const Emitter::Carried& before) {
        Value* next = Integer(e_, block) + 1;
        Value* has_next = b.CreateICmpSLT(next, end_block);
        e_.WaitForCopies(1);
        e_.Barrier();
        std::vector<Words> scores;
        for (int64_t tile = 0; tile < kTiles; ++tile) {
          Words own(4, F32(0));
          for (int64_t chunk = 0; chunk < chunks; ++chunk) {
            Value* at = Integer(e_, lane_) * 16 + (chunk * kPositions + tile * 8) * 2 * kChunk;
            const Words y = LoadWords(b.CreateInBoundsGEP(b.getInt8Ty(), shared_, at));
            const Words& upper = query[static_cast<size_t>(2 * chunk)];
            const Words& lower = query[static_cast<size_t>(2 * chunk + 1)];
            for (size_t half = 0; half < 2; ++half) {
              own = e_.Multiply(
                  {upper[2 * half], lower[2 * half], upper[2 * half + 1], lower[2 * half + 1]},
                  {y[2 * half], y[2 * half + 1]}, own);
            }
          }
          scores.push_back(own);
        }
        e_.Barrier();  // the keys have been read
        e_.If(has_next, [&] { CopyKeys(cache, next, last); }, [&] { e_.CloseCopies(); });
        const Weights weights = WeightsOf(scores, block, rows);
        Emitter::Carried after = before;
        Factors factors[2];
        for (size_t r = 0; r < 2; ++r) {
          factors[r] = MergeMaximum(&after[r], weights.maximum[r]);
          after[2 + r] = MergeValue(before[2 + r], weights.sum[r], factors[r]);
        }
        e_.WaitForCopies(1);
        e_.Barrier();
        std::vector<Words> sums(tiles, Words(4, F32(0)));
        for (size_t step = 0; step < kSteps; ++step) {
          std::vector<Words> values;  // eights of the lane's four positions
          for (int64_t i = 0; i < 4; ++i) {
            const Integer position = Integer(e_, t_) + (static_cast<int64_t>(step) * 16 + i * 4);
            Value* at = position * row_bytes + Integer(e_, g_) * 16 +
                        Integer(e_, part_of_row) * (2 * kWarpElements) + key_bytes;
            values.push_back(LoadWords(b.CreateInBoundsGEP(b.getInt8Ty(), shared_, at)));
          }
          for (size_t d = 0; d < tiles; ++d) {
            Words pair;
            for (size_t i = 0; i < 2; ++i) {
              pair.push_back(PairOf(values[2 * i][d / 2], values[2 * i + 1][d / 2], d % 2 != 0));
            }
            for (const auto& part : weights.parts) sums[d] = e_.Multiply(part[step], pair, sums[d]);
          }
        }
        for (size_t d = 0; d < tiles; ++d) {
          for (size_t i = 0; i < 4; ++i) {
            Value*& value = after[4 + d * 4 + i];
            value = MergeValue(value, sums[d][i], factors[i / 2]);
          }
        }
        e_.Barrier();  // the values have been read
        e_.If(has_next, [&] { CopyValues(cache, next, last); }, [&] { e_.CloseCopies(); });
        return after;
      });
  const TensorSpec& out = spec_.result;
  for (size_t r = 0; r < 2; ++r) {
    e_.If(b.CreateAnd(in_run[r], stores[r]), [&] {
      for (size_t tile = 0; tile < tiles; ++tile) {
        for (size_t c = 0; c < 2; ++c) {
          Indices to = rows[r].at;
          // Column 2t + c of tile d is element d of the eight of that number.
          to[o_.dim] = (Integer(e_, t_) * 2 + static_cast<int64_t>(c)) * 8 +
                       Integer(e_, part_of_row) * kWarpElements + static_cast<int64_t>(tile);
          Value* value = b.CreateFDiv(state[4 + tile * 4 + 2 * r + c], state[2 + r]);
          e_.Store(e_.Address(e_.Buffer(o_.result_buffer()), e_.Offset(out.axes, to), out.dtype),
                   out.dtype, value);
        }
      }
    });
  }
}

}  // namespace lluda::codegen::gpu
