#include "codegen/nvptx/tensor_attention.h"

#include <algorithm>
#include <utility>

#include "codegen/emit/integer.h"
#include "codegen/emit/math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/words/eights.h"

namespace lluda::codegen::gpu {
namespace {

using ir::DType;

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
         !o.Token().extent.is_constant() && (spec.ring || !positions->axis.extent.is_constant());
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

TensorAttention::Words TensorAttention::LoadWords(Value* pointer, int64_t count) {
  Value* all = e_.b().CreateAlignedLoad(e_.Int(32, static_cast<int>(count)), pointer,
                                        llvm::Align(static_cast<uint64_t>(4 * count)));
  Words words;
  for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
    words.push_back(e_.b().CreateExtractElement(all, i));
  }
  return words;
}

void TensorAttention::StoreWords(Value* pointer, const Words& words) {
  Value* all = llvm::PoisonValue::get(e_.Int(32, 4));
  for (uint64_t i = 0; i < 4; ++i) all = e_.b().CreateInsertElement(all, words[i], i);
  e_.b().CreateAlignedStore(all, pointer, llvm::Align(16));
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

Value* TensorAttention::Beside(Value* value, int64_t distance) {
  Value* own = e_.b().CreateTrunc(lane_, e_.Int(32, 1));
  return e_.Shuffle(value, e_.b().CreateXor(own, e_.ConstInt(distance, 32, 1)));
}

TensorAttention::Seen TensorAttention::SeenOf(const std::vector<Words>& scores, Value* position,
                                              const Row rows[2]) {
  auto& b = e_.b();
  Seen seen;
  for (size_t r = 0; r < 2; ++r) {
    seen.maximum[r] = F32(kLowest);
    if (r > 0 && !HasLowerRows()) continue;
    for (size_t tile = 0; tile < scores.size(); ++tile) {
      for (int64_t c = 0; c < 2; ++c) {
        Value* score = scores[tile][2 * r + static_cast<size_t>(c)];
        if (o_.has_softcap()) score = Tanh(e_, b.CreateFMul(score, F32(o_.InnerScale())));
        Value* at = Integer(e_, position) +
                    KeyOfColumn(static_cast<int64_t>(tile), Integer(e_, t_) * 2 + c);
        seen.inside[r].push_back(
            b.CreateAnd(b.CreateICmpSGE(at, rows[r].first), b.CreateICmpSLE(at, rows[r].last)));
        seen.scores[r].push_back(b.CreateSelect(seen.inside[r].back(), score, F32(kLowest)));
        seen.maximum[r] = e_.Max(seen.scores[r].back(), seen.maximum[r]);
      }
    }
    // A row's other scores are in the lanes beside this one.
    for (const int64_t distance : {2, 1}) {
      seen.maximum[r] = e_.Max(Beside(seen.maximum[r], distance), seen.maximum[r]);
    }
  }
  return seen;
}

TensorAttention::Weights TensorAttention::WeightsOf(const Seen& seen, Value* const maximum[2]) {
  auto& b = e_.b();
  constexpr size_t kOfStep = 4;  // a lane's, in a row
  const size_t steps = seen.scores[0].size() / kOfStep;
  Weights result;
  for (std::vector<Words>& part : result.parts) {
    part.assign(steps, Words(4, e_.ConstInt(0, 32, 1)));
  }
  for (size_t r = 0; r < 2; ++r) {
    if (r > 0 && !HasLowerRows()) {
      result.sums[r].assign(steps, F32(0));
      continue;
    }
    for (size_t step = 0; step < steps; ++step) {
      Value* sum = F32(0);
      for (size_t n = 0; n < kOfStep; ++n) {
        const size_t i = step * kOfStep + n;
        Value* weight = b.CreateSelect(seen.inside[r][i],
                                       Exp(b.CreateFSub(seen.scores[r][i], maximum[r])), F32(0));
        sum = b.CreateFAdd(sum, weight);
        // Words 0 and 1 are of the first tile of a step, 2 and 3 of the second.
        const size_t word = n / 2 * 2 + r;
        Value* rest = weight;
        for (size_t part = std::size(result.parts); part-- > 0;) {
          // The highest 8 bits of what is left: exact, however large the weight is.
          Value* bits = b.CreateAnd(b.CreateBitCast(rest, e_.Int(32, 1)), b.getInt32(0xFFFF0000));
          rest = b.CreateFSub(rest, b.CreateBitCast(bits, e_.F32(1)));
          Value*& to = result.parts[part][step][word];
          to = n % 2 == 0 ? b.CreateLShr(bits, 16) : b.CreateOr(to, bits);
        }
      }
      for (const int64_t distance : {2, 1}) sum = b.CreateFAdd(sum, Beside(sum, distance));
      result.sums[r].push_back(sum);
    }
  }
  return result;
}

Value* TensorAttention::SumOf(const std::vector<Value*>& steps) {
  Value* sum = steps[0];
  for (size_t i = 1; i < steps.size(); ++i) sum = e_.b().CreateFAdd(sum, steps[i]);
  return sum;
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

}  // namespace lluda::codegen::gpu
