// Attention of many tokens: a warp goes through all 64s of the cache for 16 rows.
#include <cstdint>
#include <functional>
#include <vector>

#include "codegen/emit/integer.h"
#include "codegen/nvptx/tensor_attention.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;
using runtime::kBlockThreads;
using runtime::kBlockWarps;
using runtime::kWarpThreads;

// With many tokens, blocks of threads that take a tile's runs of one slot in turns.
constexpr int64_t kRunTurns = 4;
// Elements of the result that a warp has of its rows, with many tokens: warps share rows of more.
constexpr int64_t kWarpElements = 64;
// A position's values in shared memory are so much longer that neighbours lie in other banks.
constexpr int64_t kValuePadding = 32;

}  // namespace

int64_t TensorAttention::RowWarps() const { return kBlockWarps / (o_.dims / kWarpElements); }

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
