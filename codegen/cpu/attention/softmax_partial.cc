#include "codegen/cpu/attention/softmax_partial.h"

#include <limits>

#include "codegen/emit/integer.h"
#include "codegen/emit/math.h"

namespace lluda::codegen {
namespace {

constexpr int64_t kVectorBytes = kLanes * 4;
constexpr ir::DType kF32 = ir::DType::kF32;

}  // namespace

// The values, the sums, and the maximum in a line of its own.
int64_t SoftmaxPartial::RowBytes(int64_t vectors) { return (vectors + 2) * kVectorBytes; }

Value* SoftmaxPartial::At(Value* row, int64_t bytes) const {
  return e_.Address(memory_, Integer(e_, row) * RowBytes(vectors_) + bytes, ir::DType::kI8);
}

Value* SoftmaxPartial::Values(Value* row, Value* d) const {
  return e_.Address(At(row, 0), Integer(e_, d) * kLanes, kF32);
}
Value* SoftmaxPartial::Sums(Value* row) const { return At(row, vectors_ * kVectorBytes); }
Value* SoftmaxPartial::Maximum(Value* row) const { return At(row, (vectors_ + 1) * kVectorBytes); }

void SoftmaxPartial::Clear(Value* row) const {
  e_.InRounds(vectors_,
              [&](Value* d) { e_.Store(Values(row, d), kF32, e_.ConstF32(0.0f, kLanes)); });
  e_.Store(Sums(row), kF32, e_.ConstF32(0.0f, kLanes));
  e_.Store(Maximum(row), kF32, e_.ConstF32(-std::numeric_limits<float>::infinity(), 1));
}

void SoftmaxPartial::Merge(const SoftmaxPartial& later, Value* row) const {
  auto& b = e_.b();
  Value* maximum = e_.Load(Maximum(row), kF32, 1);
  Value* later_maximum = e_.Load(later.Maximum(row), kF32, 1);
  Value* merged_maximum = e_.Max(later_maximum, maximum);
  const auto factor = [&](Value* old) {
    return e_.Splat(ExpOfScaled(e_, b.CreateFSub(old, merged_maximum), scale_), kLanes);
  };
  Value* scale = factor(maximum);
  Value* later_scale = factor(later_maximum);
  const auto merge = [&](Value* at, Value* later_at) {
    Value* scaled = b.CreateFMul(e_.Load(at, kF32, kLanes), scale);
    e_.Store(at, kF32, e_.MulAdd(e_.Load(later_at, kF32, kLanes), later_scale, scaled));
  };
  e_.InRounds(vectors_, [&](Value* d) { merge(Values(row, d), later.Values(row, d)); });
  merge(Sums(row), later.Sums(row));
  e_.Store(Maximum(row), kF32, merged_maximum);
}

Value* SoftmaxPartial::Mean(Value* row, Value* d, Value* reciprocal_total) const {
  return e_.b().CreateFMul(e_.Load(Values(row, d), kF32, kLanes), reciprocal_total);
}

Value* SoftmaxPartial::ReciprocalTotal(Value* row) const {
  Value* total = e_.SumLanes(e_.Load(Sums(row), kF32, kLanes));
  return e_.Splat(e_.b().CreateFDiv(e_.ConstF32(1.0f, 1), total), kLanes);
}

}  // namespace lluda::codegen
