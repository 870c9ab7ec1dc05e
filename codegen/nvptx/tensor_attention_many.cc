// Attention of many tokens: warps go through all 64s of the cache for 16 rows that they share. Each
// multiplies the rows with its steps of 16 of the positions, they tell one another the largest scores
// and then the weights, and each multiplies those with its elements of the values.
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
constexpr int64_t kRunTurns = 2;
// Elements of the result that a warp has of its rows. Of a position's, a lane has neighbours.
constexpr int64_t kWarpElements = 32, kLaneElements = kWarpElements / 8;
// A position's values in shared memory are so much longer that neighbours lie in other banks.
constexpr int64_t kValuePadding = 32;
// What warps that share rows tell one another: the parts of the weights of four steps, 16 bytes a lane
// each, then the rows' sums and the largest scores of each step.
constexpr int64_t kStepsOfBlock = 4, kParts = 3, kRows = 16;
constexpr int64_t kWordsBytes = 16 * kWarpThreads;
constexpr int64_t kSumsAt = kParts * kStepsOfBlock * kWordsBytes;
constexpr int64_t kMaximaAt = kSumsAt + 4 * kStepsOfBlock * kRows;
constexpr int64_t kToldBytes = kMaximaAt + 4 * kStepsOfBlock * kRows;

}  // namespace

int64_t TensorAttention::SharingWarps() const { return o_.dims / kWarpElements; }
int64_t TensorAttention::RowWarps() const { return kBlockWarps / SharingWarps(); }

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
  shared_ = e_.Shared(key_bytes + value_bytes + RowWarps() * kToldBytes);
  const Indices item = e_.IndicesOf(info.work_axes, e_.Block(), tokens);
  // The last tokens, which see most, come first.
  const Integer tiles = (Integer(e_, o_.Tokens(e_)) + (tokens - 1)) / tokens;
  Value* first_token = (tiles - 1) * tokens - item.at(o_.Token().name);
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
  static_assert(kStepsOfBlock == kSteps && kRows == kMostRows);
  const int64_t chunks = o_.dims / kChunk;
  constexpr auto tiles = static_cast<size_t>(kLaneElements);
  Value* sharing = Integer(e_, e_.Warp()) / RowWarps();  // which of those that share the rows
  const int64_t own_steps = kSteps / SharingWarps();
  const Integer first_step = Integer(e_, sharing) * own_steps;
  const int64_t key_bytes = kPositions * 2 * o_.dims;
  const int64_t row_bytes = 2 * o_.dims + kValuePadding;
  const auto byte = [&](Value* at) { return e_.Address(shared_, at, DType::kI8); };
  const Integer told =
      Integer(e_, e_.Warp()) % RowWarps() * kToldBytes + (key_bytes + kPositions * row_bytes);
  const auto words_at = [&](size_t part, Value* step) {
    const Integer number = Integer(e_, step) + static_cast<int64_t>(part) * kSteps;
    return byte(told + number * kWordsBytes + Integer(e_, lane_) * 16);
  };
  // Of a step, behind `from`: the number of the lane's row r.
  const auto number_at = [&](int64_t from, Value* step, size_t r) {
    const Integer row = Integer(e_, step) * kMostRows + g_ + static_cast<int64_t>(8 * r);
    return byte(told + row * 4 + from);
  };
  const auto tell = [&](int64_t from, Value* step, size_t r, Value* number) {
    e_.If(b.CreateICmpEQ(t_, e_.Const(0)),
          [&] { e_.Store(number_at(from, step, r), DType::kF32, number); });
  };
  const auto all_told = [&](int64_t from, size_t r) {
    std::vector<Value*> numbers;
    for (int64_t step = 0; step < kSteps; ++step) {
      numbers.push_back(e_.Load(number_at(from, e_.Const(step), r), DType::kF32, 1));
    }
    return numbers;
  };
  const Integer first_block = Integer(e_, first) / kPositions;
  const Integer end_block = Integer(e_, last) / kPositions + 1;
  std::vector<Words> query;
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (const bool lower : {false, true}) query.push_back(QueryWords(rows, chunk, lower));
  }
  e_.Barrier();  // an earlier run's last block has been read
  CopyKeys(cache, first_block, last);
  // Carried are the rows' maxima and sums, then the values.
  Emitter::Carried state = {F32(kLowest), F32(kLowest), F32(0), F32(0)};
  state.resize(4 + 4 * tiles, F32(0));
  state =
      e_.Loop(first_block, end_block, 1, state, [&](Value* block, const Emitter::Carried& before) {
        Value* next = Integer(e_, block) + 1;
        Value* has_next = b.CreateICmpSLT(next, end_block);
        e_.WaitForCopies(0);
        e_.Barrier();  // the keys are there, and the last values have been read
        CopyValues(cache, block, last);
        std::vector<Words> scores;
        for (int64_t tile = 0; tile < 2 * own_steps; ++tile) {
          Words own(4, F32(0));
          for (int64_t chunk = 0; chunk < chunks; ++chunk) {
            const Integer column = first_step * 16 + (chunk * kPositions + tile * 8);
            const Words y = LoadWords(byte(Integer(e_, lane_) * 16 + column * (2 * kChunk)));
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
        const Seen seen = SeenOf(scores, Integer(e_, block) * kPositions + first_step * 16, rows);
        for (size_t r = 0; r < 2; ++r) {
          for (int64_t step = 0; step < own_steps; ++step) {
            tell(kMaximaAt, first_step + step, r, seen.maximum[r]);
          }
        }
        e_.Barrier();  // the maxima are told, and the keys have been read
        e_.If(has_next, [&] { CopyKeys(cache, next, last); }, [&] { e_.CloseCopies(); });
        Value* maximum[2];
        for (size_t r = 0; r < 2; ++r) {
          maximum[r] = F32(kLowest);
          for (Value* of_step : all_told(kMaximaAt, r)) maximum[r] = e_.Max(of_step, maximum[r]);
        }
        const Weights own = WeightsOf(seen, maximum);
        for (int64_t step = 0; step < own_steps; ++step) {
          const auto at = static_cast<size_t>(step);
          for (size_t part = 0; part < std::size(own.parts); ++part) {
            StoreWords(words_at(part, first_step + step), own.parts[part][at]);
          }
          for (size_t r = 0; r < 2; ++r) tell(kSumsAt, first_step + step, r, own.sums[r][at]);
        }
        e_.WaitForCopies(1);
        e_.Barrier();  // the weights are told, and the values are there
        Emitter::Carried after = before;
        Factors factors[2];
        for (size_t r = 0; r < 2; ++r) {
          factors[r] = MergeMaximum(&after[r], maximum[r]);
          after[2 + r] = MergeValue(before[2 + r], SumOf(all_told(kSumsAt, r)), factors[r]);
        }
        std::vector<Words> sums(tiles, Words(4, F32(0)));
        for (int64_t step = 0; step < kSteps; ++step) {
          std::vector<Words> values;  // the lane's elements of its four positions
          for (int64_t i = 0; i < 4; ++i) {
            const Integer position = Integer(e_, t_) + (step * 16 + i * 4);
            Value* at = position * row_bytes + Integer(e_, g_) * (2 * kLaneElements) +
                        Integer(e_, sharing) * (2 * kWarpElements) + key_bytes;
            values.push_back(LoadWords(byte(at), kLaneElements / 2));
          }
          Words parts[kParts];
          for (size_t part = 0; part < std::size(parts); ++part) {
            parts[part] = LoadWords(words_at(part, e_.Const(step)));
          }
          for (size_t d = 0; d < tiles; ++d) {
            Words pair;
            for (size_t i = 0; i < 2; ++i) {
              pair.push_back(PairOf(values[2 * i][d / 2], values[2 * i + 1][d / 2], d % 2 != 0));
            }
            for (const Words& part : parts) sums[d] = e_.Multiply(part, pair, sums[d]);
          }
        }
        for (size_t d = 0; d < tiles; ++d) {
          for (size_t i = 0; i < 4; ++i) {
            Value*& value = after[4 + d * 4 + i];
            value = MergeValue(value, sums[d][i], factors[i / 2]);
          }
        }
        return after;
      });
  const TensorSpec& out = spec_.result;
  for (size_t r = 0; r < 2; ++r) {
    e_.If(b.CreateAnd(in_run[r], stores[r]), [&] {
      for (size_t tile = 0; tile < tiles; ++tile) {
        for (size_t c = 0; c < 2; ++c) {
          Indices to = rows[r].at;
          // Column 2t + c of tile d is element d of the lane of that number.
          to[o_.dim] = (Integer(e_, t_) * 2 + static_cast<int64_t>(c)) * kLaneElements +
                       Integer(e_, sharing) * kWarpElements + static_cast<int64_t>(tile);
          Value* value = b.CreateFDiv(state[4 + tile * 4 + 2 * r + c], state[2 + r]);
          e_.Store(e_.Address(e_.Buffer(o_.result_buffer()), e_.Offset(out.axes, to), out.dtype),
                   out.dtype, value);
        }
      }
    });
  }
}

}  // namespace lluda::codegen::gpu
