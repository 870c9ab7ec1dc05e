// Attention with an online softmax (Milakov and Gimelshein, Online normalizer calculation for
// softmax): a block for each token's query head. Its warps take chunks of 32 positions in turns,
// counted from position 0, and meet in shared memory in the order of the warps. So what is computed
// depends on the token's position and window alone.
//
// In a chunk a lane has the score of its own position. Then the warp goes over the positions, and
// its lanes have the elements of the sum, 32 apart.
#include <algorithm>
#include <limits>
#include <utility>

#include "codegen/emit/attention_operands.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/math.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/tensor_attention.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using runtime::kBlockThreads;
using runtime::kBlockWarps;
using runtime::kWarpThreads;

// A maximum of nothing. It is finite, so that exp of a difference to it is 0 and no NaN.
constexpr float kLowest = std::numeric_limits<float>::lowest();
// A lane asks for so many eights of its position's keys at a time, and a warp for the values of so
// many positions.
constexpr int64_t kEightsTogether = 4;
constexpr int64_t kPositionsTogether = 8;

class Attention {
 public:
  Attention(const KernelSpec& spec, GpuEmitter& e)
      : spec_(spec),
        e_(e),
        o_(spec),
        vectors_((o_.dims + kWarpThreads - 1) / kWarpThreads),
        part_floats_(o_.dims + 2),
        query_floats_((o_.dims + 3) / 4 * 4) {}

  absl::Status Check() const {
    if (spec_.attrs.mask != ir::Mask::kCausal) return NoKernel(spec_, "only the causal mask");
    if (!(*spec_.attrs.scale > 0)) return NoKernel(spec_, "the scale is not positive");
    if (o_.has_pages()) return NoKernel(spec_, "a GPU's cache has slots, no pages");
    if (SharedBytes() > runtime::kMaxSharedBytes) {
      return NoKernel(spec_, "a head is too long");
    }
    return absl::OkStatus();
  }

  KernelInfo Emit() {
    auto& b = e_.b();
    KernelInfo info;
    info.work_axes = AxesWithout(spec_.result, o_.dim);
    shared_ = e_.Shared(SharedBytes());
    row_ = e_.IndicesOf(info.work_axes, e_.Block(), 1);
    last_ = LoadIndexAt(e_, o_.positions, e_.Buffer(AttentionOperands::kPositions), row_);
    first_ = e_.Most(o_.FirstOf(e_, last_), e_.Const(0));
    cache_ = row_;
    cache_[o_.slot] = LoadIndexAt(e_, o_.slots, e_.Buffer(AttentionOperands::kSlots), row_);
    StageQuery();
    const Integer first_chunk = Integer(e_, first_) / kWarpThreads;
    const Integer end_chunk = Integer(e_, last_) / kWarpThreads + 1;
    // The first chunk from there on that is this warp's.
    Value* behind = b.CreateURem(
        Integer(e_, e_.Warp()) + kBlockWarps * kWarpThreads - first_chunk % kBlockWarps,
        e_.Const(kBlockWarps));
    Emitter::Carried part(static_cast<size_t>(2 + vectors_), e_.ConstF32(0.0f, 1));
    part[0] = e_.ConstF32(kLowest, 1);
    part = e_.Loop(first_chunk + behind, end_chunk, kBlockWarps, part,
                   [&](Value* chunk, const Emitter::Carried& c) { return Chunk(chunk, c); });
    StorePart(part);
    e_.Barrier();
    Merge();
    return info;
  }

 private:
  Value* F32(float value) { return e_.ConstF32(value, 1); }

  // The element of K or V at a position, times its scale if there are any.
  Value* CacheElement(int operand, Value* position, Value* d, Value* scale) {
    const TensorSpec& tensor = spec_.operands[operand];
    Indices at = cache_;
    at[o_.pos] = CellOf(e_, spec_, position);
    at[o_.dim] = d;
    Value* x = e_.Load(e_.Address(e_.Buffer(operand), ElementOffset(e_, tensor, at), tensor.dtype),
                       tensor.dtype, 1);
    return scale == nullptr ? x : e_.b().CreateFMul(x, scale);
  }
  Value* CacheScale(int operand, Value* position) {
    if (!o_.has_scales()) return nullptr;
    const TensorSpec& tensor = spec_.operands[operand];
    Indices at = cache_;
    at[o_.pos] = CellOf(e_, spec_, position);
    return e_.Load(e_.Address(e_.Buffer(operand), e_.Offset(tensor.axes, at), tensor.dtype),
                   tensor.dtype, 1);
  }

  // The query head, as f32, lies in shared memory before the warps' parts.
  int64_t SharedBytes() const { return 4 * (query_floats_ + kBlockWarps * part_floats_); }
  void StageQuery() {
    e_.Loop(e_.Thread(), e_.Const(o_.dims), kBlockThreads, [&](Value* d) {
      Indices at = row_;
      at[o_.dim] = d;
      Value* from =
          e_.Address(e_.Buffer(AttentionOperands::kQ), e_.Offset(o_.q.axes, at), o_.q.dtype);
      e_.Store(e_.Address(shared_, d, ir::DType::kF32), ir::DType::kF32,
               e_.Load(from, o_.q.dtype, 1));
    });
    e_.Barrier();
  }
  Value* QueryElement(Value* d) {
    return e_.Load(e_.Address(shared_, d, ir::DType::kF32), ir::DType::kF32, 1);
  }

  // Whether each position's elements of K are whole eights, one behind the other. A state starts at
  // a multiple of 64 bytes.
  bool KeysAreEights() const {
    if (!ir::IsFloat(o_.k.dtype) || !IsContiguous(o_.k, o_.dim)) return false;
    return std::all_of(o_.k.axes.begin(), o_.k.axes.end(), [&](const ir::StridedAxis& strided) {
      if (strided.axis.name == o_.dim) return o_.dims % kEight == 0;
      return strided.stride.factor % kEight == 0;
    });
  }

  // The sum of products in the order of the elements.
  Value* Dot(Value* position) {
    if (!KeysAreEights()) {
      Value* scale = CacheScale(AttentionOperands::kKScales, position);
      return e_.Loop(e_.Const(0), e_.Const(o_.dims), 1, {F32(0)},
                     [&](Value* d, const Emitter::Carried& sum) {
                       Value* y = CacheElement(AttentionOperands::kK, position, d, scale);
                       return Emitter::Carried{e_.MulAdd(QueryElement(d), y, sum[0])};
                     })[0];
    }
    Indices at = cache_;
    at[o_.pos] = CellOf(e_, spec_, position);
    Value* keys =
        e_.Address(e_.Buffer(AttentionOperands::kK), e_.Offset(o_.k.axes, at), o_.k.dtype);
    int64_t together = kEightsTogether;
    while (o_.dims % (kEight * together) != 0) --together;
    return e_.Loop(
        e_.Const(0), e_.Const(o_.dims), kEight * together, {F32(0)},
        [&](Value* d, const Emitter::Carried& carried) {
          std::vector<Value*> y, x;
          for (int64_t i = 0; i < together; ++i) {
            const Integer at = Integer(e_, d) + i * kEight;
            for (Value* key : LoadEight(e_, e_.Address(keys, at, o_.k.dtype), o_.k.dtype)) {
              y.push_back(key);
            }
          }
          for (int64_t i = 0; i < together; ++i) {
            const Integer at = Integer(e_, d) + i * kEight;
            Value* from = e_.Address(shared_, at, ir::DType::kF32);
            for (Value* query : LoadEight(e_, from, ir::DType::kF32)) x.push_back(query);
          }
          Value* sum = carried[0];
          for (size_t i = 0; i < x.size(); ++i) sum = e_.MulAdd(x[i], y[i], sum);
          return Emitter::Carried{sum};
        })[0];
  }

  // q . k of a position, after a softcap without what it is multiplied with in the end.
  Value* Score(Value* position) {
    Value* dot = Dot(position);
    return o_.has_softcap() ? Tanh(e_, e_.b().CreateFMul(dot, F32(o_.InnerScale()))) : dot;
  }

  // exp(Scale() * x) for x <= 0.
  Value* Weight(Value* x) { return ExpOfScaled(e_, x, o_.Scale()); }

  // Carried are the maximum, the sum of the weights and this lane's elements of the weighted sum.
  Emitter::Carried Chunk(Value* chunk, const Emitter::Carried& before) {
    auto& b = e_.b();
    const Integer begin = Integer(e_, chunk) * kWarpThreads;
    Value* position = begin + e_.Lane();
    Value* seen = b.CreateAnd(b.CreateICmpSGE(position, first_), b.CreateICmpSLE(position, last_));
    // A lane whose position is not seen takes one that is, and no part in the sums.
    Value* read = e_.Most(e_.Least(position, last_), first_);
    Value* score = b.CreateSelect(seen, Score(read), F32(kLowest));
    Value* maximum = e_.Max(e_.WarpMax(score), before[0]);
    Value* weight = b.CreateSelect(seen, Weight(b.CreateFSub(score, maximum)), F32(0));
    Value* factor = Weight(b.CreateFSub(before[0], maximum));
    Emitter::Carried after = {maximum, e_.MulAdd(before[1], factor, e_.WarpSum(weight))};
    Emitter::Carried sums;
    for (int64_t i = 0; i < vectors_; ++i) {
      sums.push_back(b.CreateFMul(before[static_cast<size_t>(2 + i)], factor));
    }
    // Those that are not seen have a weight of 0, and read a position that is seen.
    sums = e_.Loop(
        begin, begin + kWarpThreads, kPositionsTogether, sums,
        [&](Value* from, const Emitter::Carried& c) { return AddValues(from, begin, weight, c); });
    after.insert(after.end(), sums.begin(), sums.end());
    return after;
  }

  // The sums with the weighted values of positions [from, from + kPositionsTogether) of the chunk.
  Emitter::Carried AddValues(Value* from, Value* begin, Value* weight, Emitter::Carried sums) {
    auto& b = e_.b();
    std::vector<Value*> values;
    for (int64_t k = 0; k < kPositionsTogether; ++k) {
      const Integer position = Integer(e_, from) + k;
      Value* read = e_.Most(e_.Least(position, last_), first_);
      Value* scale = CacheScale(AttentionOperands::kVScales, read);
      for (int64_t i = 0; i < vectors_; ++i) {
        values.push_back(CacheElement(AttentionOperands::kV, read, ElementOfLane(i), scale));
      }
    }
    for (int64_t k = 0; k < kPositionsTogether; ++k) {
      const Integer position = Integer(e_, from) + k;
      Value* w = e_.Shuffle(weight, b.CreateTrunc(position - begin, e_.Int(32, 1)));
      for (int64_t i = 0; i < vectors_; ++i) {
        Value*& sum = sums[static_cast<size_t>(i)];
        sum = e_.MulAdd(w, values[static_cast<size_t>(k * vectors_ + i)], sum);
      }
    }
    return sums;
  }

  // The i-th element of the lane; a lane that has none takes the last one, and does not store it.
  Value* ElementOfLane(int64_t i) {
    const Integer d = Integer(e_, e_.Lane()) + i * kWarpThreads;
    return (i + 1) * kWarpThreads <= o_.dims ? d : Integer(e_, e_.Least(d, e_.Const(o_.dims - 1)));
  }

  Value* PartAddress(Value* warp, Value* i) {
    const Integer at = Integer(e_, warp) * part_floats_ + i;
    return e_.Address(shared_, at + query_floats_, ir::DType::kF32);
  }
  Value* PartAt(int64_t warp, Value* i) {
    return e_.Load(PartAddress(e_.Const(warp), i), ir::DType::kF32, 1);
  }

  // The weighted sum, then maximum and sum of the weights.
  void StorePart(const Emitter::Carried& part) {
    for (int64_t i = 0; i < vectors_; ++i) {
      const Integer d = Integer(e_, e_.Lane()) + i * kWarpThreads;
      e_.If(d < o_.dims, [&] {
        e_.Store(PartAddress(e_.Warp(), d), ir::DType::kF32, part[static_cast<size_t>(2 + i)]);
      });
    }
    e_.If(e_.IsFirstLane(), [&] {
      for (int64_t i = 0; i < 2; ++i) {
        e_.Store(PartAddress(e_.Warp(), e_.Const(o_.dims + i)), ir::DType::kF32,
                 part[static_cast<size_t>(i)]);
      }
    });
  }

  void Merge() {
    auto& b = e_.b();
    std::vector<Value*> maxima;
    Value* maximum = F32(kLowest);
    for (int64_t warp = 0; warp < kBlockWarps; ++warp) {
      maxima.push_back(PartAt(warp, e_.Const(o_.dims)));
      maximum = e_.Max(maxima.back(), maximum);
    }
    Value* total = F32(0);
    std::vector<Value*> factors;
    for (int64_t warp = 0; warp < kBlockWarps; ++warp) {
      // A warp that saw nothing has sums of 0.
      factors.push_back(Weight(b.CreateFSub(maxima[static_cast<size_t>(warp)], maximum)));
      total = e_.MulAdd(PartAt(warp, e_.Const(o_.dims + 1)), factors.back(), total);
    }
    const TensorSpec& out = spec_.result;
    e_.Loop(e_.Thread(), e_.Const(o_.dims), kBlockThreads, [&](Value* d) {
      Value* sum = F32(0);
      for (int64_t warp = 0; warp < kBlockWarps; ++warp) {
        sum = e_.MulAdd(PartAt(warp, d), factors[static_cast<size_t>(warp)], sum);
      }
      Indices to = row_;
      to[o_.dim] = d;
      e_.Store(e_.Address(e_.Buffer(o_.result_buffer()), e_.Offset(out.axes, to), out.dtype),
               out.dtype, b.CreateFDiv(sum, total));
    });
  }

  const KernelSpec& spec_;
  GpuEmitter& e_;
  const AttentionOperands o_;
  const int64_t vectors_;       // elements of a lane
  const int64_t part_floats_;   // what a warp leaves in shared memory
  const int64_t query_floats_;  // what lies there before
  Value* shared_ = nullptr;
  Indices row_;    // token and heads
  Indices cache_;  // and slot
  Value* first_ = nullptr;
  Value* last_ = nullptr;
};

}  // namespace

absl::StatusOr<KernelInfo> EmitAttention(const KernelSpec& spec, GpuEmitter& e) {
  if (TensorAttention::Fits(spec)) return TensorAttention(spec, e).Emit();
  Attention attention(spec, e);
  absl::Status checked = attention.Check();
  if (!checked.ok()) return checked;
  return attention.Emit();
}

}  // namespace lluda::codegen::gpu
