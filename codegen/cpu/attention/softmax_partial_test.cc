// Partials of a softmax as machine code, against the softmax of all positions in double.
#include "codegen/cpu/attention/softmax_partial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

using ir::DType;

constexpr int64_t kVectors = 2;
constexpr int64_t kElements = kVectors * kLanes;  // of a value
constexpr float kScale = 0.25f;
constexpr int64_t kRow = 1;   // the one that is computed
constexpr int64_t kRows = 3;  // so many are in memory
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Positions with their scores and values.
struct Span {
  std::vector<float> scores;
  std::vector<float> values;  // [position][element]
};

// Memory for partials of kRows rows, of which none may be touched but kRow.
std::vector<float> Untouched() {
  return std::vector<float>(static_cast<size_t>(kRows * SoftmaxPartial::RowBytes(kVectors) / 4),
                            7.0f);
}
void ExpectNeighboursUntouched(const std::vector<float>& memory) {
  const int64_t row = SoftmaxPartial::RowBytes(kVectors) / 4;
  for (int64_t i = 0; i < row; ++i) {
    EXPECT_EQ(memory[i], 7.0f);
    EXPECT_EQ(memory[2 * row + i], 7.0f);
  }
}

// What a span leaves in a partial: buffer `from` holds values, sums and the maximum.
void StorePartial(Emitter& e, const SoftmaxPartial& partial, Value* from) {
  const auto load = [&](int64_t at, int lanes) {
    return e.Load(e.Address(from, e.Const(at), DType::kF32), DType::kF32, lanes);
  };
  Value* row = e.Const(kRow);
  for (int64_t d = 0; d < kVectors; ++d) {
    e.Store(partial.Values(row, e.Const(d)), DType::kF32, load(d * kLanes, kLanes));
  }
  e.Store(partial.Sums(row), DType::kF32, load(kElements, kLanes));
  e.Store(partial.Maximum(row), DType::kF32, load(kElements + kLanes, 1));
}

std::vector<float> PartialOf(const Span& span) {
  std::vector<float> partial(kElements + kLanes + 1, 0.0f);
  const float maximum = *std::max_element(span.scores.begin(), span.scores.end());
  for (size_t i = 0; i < span.scores.size(); ++i) {
    const auto weight = static_cast<float>(std::exp(kScale * (span.scores[i] - maximum)));
    partial[kElements + i % kLanes] += weight;
    for (int64_t d = 0; d < kElements; ++d) {
      partial[d] += weight * span.values[i * kElements + d];
    }
  }
  partial.back() = maximum;
  return partial;
}

// The softmax of all scores times all values.
std::vector<double> Softmax(const std::vector<Span>& spans) {
  double maximum = -kInfinity, total = 0;
  for (const Span& span : spans) {
    for (const float score : span.scores) maximum = std::max(maximum, double{score});
  }
  std::vector<double> mean(kElements, 0.0);
  for (const Span& span : spans) {
    for (size_t i = 0; i < span.scores.size(); ++i) {
      const double weight = std::exp(kScale * (span.scores[i] - maximum));
      total += weight;
      for (int64_t d = 0; d < kElements; ++d) mean[d] += weight * span.values[i * kElements + d];
    }
  }
  for (double& value : mean) value /= total;
  return mean;
}

Span RandomSpan(int64_t positions, float center, uint32_t seed) {
  Span span{RandomFloats(positions, seed), RandomFloats(positions * kElements, seed + 1)};
  for (float& score : span.scores) score = center + 10 * score;
  return span;
}

// Merges the spans' partials one after the other.
std::vector<float> Merged(const Target& target, const std::vector<Span>& spans) {
  const EmittedKernel kernel(target, [&](Emitter& e) {
    const SoftmaxPartial total(e, e.Buffer(0), kVectors, kScale);
    const SoftmaxPartial later(e, e.Buffer(1), kVectors, kScale);
    Value* row = e.Const(kRow);
    StorePartial(e, total, e.Buffer(3));
    for (size_t i = 1; i < spans.size(); ++i) {
      StorePartial(e, later, e.Buffer(static_cast<int>(3 + i)));
      total.Merge(later, row);
    }
    Value* reciprocal = total.ReciprocalTotal(row);
    for (int64_t d = 0; d < kVectors; ++d) {
      e.Store(e.Address(e.Buffer(2), e.Const(d * kLanes), DType::kF32), DType::kF32,
              total.Mean(row, e.Const(d), reciprocal));
    }
  });
  std::vector<float> total = Untouched(), later = Untouched(), mean(kElements);
  std::vector<std::vector<float>> partials;
  for (const Span& span : spans) partials.push_back(PartialOf(span));
  std::vector<void*> buffers = {total.data(), later.data(), mean.data()};
  for (std::vector<float>& partial : partials) buffers.push_back(partial.data());
  kernel.Run(buffers);
  ExpectNeighboursUntouched(total);
  ExpectNeighboursUntouched(later);
  return mean;
}

void ExpectSoftmax(const std::vector<Span>& spans) {
  const std::vector<double> expected = Softmax(spans);
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const std::vector<float> mean = Merged(target, spans);
    for (int64_t d = 0; d < kElements; ++d) EXPECT_NEAR(mean[d], expected[d], 2e-6) << d;
  }
}

TEST(SoftmaxPartial, OneSpansMeanIsItsSoftmax) { ExpectSoftmax({RandomSpan(40, 0, 1)}); }

TEST(SoftmaxPartial, SpansMergeToTheSoftmaxOfAllTheirPositions) {
  ExpectSoftmax({RandomSpan(40, 0, 1), RandomSpan(3, 5, 11), RandomSpan(64, -4, 21)});
}

TEST(SoftmaxPartial, ASpanWhoseScoresAreFarBelowChangesNothing) {
  const Span high = RandomSpan(20, 1000, 1), low = RandomSpan(20, -1000, 11);
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const std::vector<float> alone = Merged(target, {high});
    EXPECT_EQ(Merged(target, {high, low}), alone);
    EXPECT_EQ(Merged(target, {low, high}), alone);
  }
}

TEST(SoftmaxPartial, HasSeenNothingWhenItIsCleared) {
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const EmittedKernel kernel(target, [](Emitter& e) {
      const SoftmaxPartial partial(e, e.Buffer(0), kVectors, kScale);
      Value* row = e.Const(kRow);
      partial.Clear(row);
      for (int64_t d = 0; d <= kVectors; ++d) {
        Value* at = d < kVectors ? partial.Values(row, e.Const(d)) : partial.Sums(row);
        e.Store(e.Address(e.Buffer(1), e.Const(d * kLanes), DType::kF32), DType::kF32,
                e.Load(at, DType::kF32, kLanes));
      }
      e.Store(e.Address(e.Buffer(1), e.Const(kElements + kLanes), DType::kF32), DType::kF32,
              e.Load(partial.Maximum(row), DType::kF32, 1));
    });
    std::vector<float> memory = Untouched(), seen(kElements + kLanes + 1, 7.0f);
    kernel.Run({memory.data(), seen.data()});
    std::vector<float> expected(kElements + kLanes, 0.0f);
    expected.push_back(-kInfinity);
    EXPECT_EQ(seen, expected);
    ExpectNeighboursUntouched(memory);
  }
}

}  // namespace
}  // namespace lluda::codegen
