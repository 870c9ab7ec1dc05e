// The quantisers that search for their scales, written once for numbers and for code that is being
// written: q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl and iq4_xs.
//
// The method is that of ggml's reference (quantize_row_q4_K_ref and its like in ggml-quants.c): of each
// sub-block several roundings are tried, to each the scale is fitted by weighted least squares, and
// that with the least error stays; then the sub-blocks' scales are rounded to a few bits that share an
// f16. Sums go by halves of 16 lanes, not one by one, so that bytes need not be the reference's.
//
// Elements may have importances, of which the reference calls all an importance matrix: how much an
// error in one column costs. They are factors of the weights in the fits.
//
// A Machine is what block_fit.h says.
#ifndef LLUDA_IR_TYPE_BLOCK_SEARCH_H_
#define LLUDA_IR_TYPE_BLOCK_SEARCH_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "ir/type/block_fit.h"
#include "ir/type/block_formats.h"
#include "ir/type/dtype.h"

namespace lluda::ir {

namespace block_search {

// The sub-blocks' scales, or minimums, as whole numbers in least .. most that share a factor.
template <typename M, size_t kParts>
struct Shared {
  typename M::Scalar factor;  // as it is stored
  std::array<typename M::Scalar, kParts> numbers;
};

// The largest becomes `at`.
template <typename M, size_t kParts>
Shared<M, kParts> ShareByLargest(M& m, const std::array<typename M::Scalar, kParts>& exact,
                                 float at, float least, float most) {
  typename M::Scalar largest = m.Number(0);
  for (const auto& each : exact) largest = Larger(m, largest, each);
  const auto inverse = m.Number(at) * Inverse(m, largest);
  Shared<M, kParts> shared{m.Half(largest / m.Number(at)), exact};
  for (auto& each : shared.numbers) each = Limited(m, m.Nearest(inverse * each), least, most);
  return shared;
}

// With the factor that fits best; of at most sixteen, which have these weights.
template <typename M, size_t kParts>
Shared<M, kParts> ShareByFit(M& m, const std::array<typename M::Scalar, kParts>& exact,
                             const std::array<typename M::Scalar, kParts>& weights, float least,
                             float most) {
  const auto joined = [&](const std::array<typename M::Scalar, kParts>& scalars) {
    std::array<typename M::Scalar, kSearchLanes> lanes;
    lanes.fill(m.Number(0));
    std::copy(scalars.begin(), scalars.end(), lanes.begin());
    return Part<M, 1>{m.Join(lanes)};
  };
  Shared<M, kParts> shared{m.Half(FitInRange(m, joined(exact), joined(weights), least, most)),
                           exact};
  const auto inverse = Inverse(m, shared.factor);
  for (auto& each : shared.numbers) each = Limited(m, m.Nearest(inverse * each), least, most);
  return shared;
}

// The whole numbers in least .. most that x is nearest to by this scale; zeros where the scale is none.
template <typename M>
typename M::Vector ByScale(M& m, typename M::Vector x, typename M::Scalar scale, float least,
                           float most) {
  const auto zero = m.Number(0);
  const auto rounded = Limited(m, m.Nearest(x / m.Splat(scale)), least, most);
  return m.Select(m.Less(zero, Magnitude(m, scale)), rounded, m.Splat(zero));
}

// The upper bits of a number: how often `unit` is in it.
template <typename M, typename Real>
Real Above(M& m, Real x, Real unit) {
  return m.Whole(x / unit);
}

// The sub-blocks of q4_k and q5_k: 8 of 32 with 6 bits for each scale and minimum. `high_at` is where
// fifth bits lie, or -1.
template <typename M>
void EncodeAffine(M& m, const AffineTries& tries, int64_t high_at, int64_t nibbles_at) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  constexpr int kParts = 8;
  const Scalar zero = m.Number(0);
  const Scalar spread = m.Number(2) * MeanSquare<256>(m);
  std::array<Scalar, kParts> scales, minimums, weights;
  FitAffineParts<2, kParts>(m, spread, tries, [&](size_t part, const auto& fit, const auto& w) {
    scales[part] = fit.scale;
    minimums[part] = fit.minimum;
    weights[part] = m.Sum(w[0] + w[1]);
  });
  const Shared<M, kParts> scale = ShareByFit(m, scales, weights, 0, 63);
  const Shared<M, kParts> minimum = ShareByFit(m, minimums, weights, 0, 63);
  m.StoreHalf(0, scale.factor);
  m.StoreHalf(2, minimum.factor);
  const Scalar sixteen = m.Number(16), sixty_four = m.Number(64);
  for (int part = 0; part < kParts / 2; ++part) {
    const Scalar s = scale.numbers[part + 4], upper_s = Above(m, s, sixteen);
    const Scalar t = minimum.numbers[part + 4], upper_t = Above(m, t, sixteen);
    m.StoreByte(4 + part, scale.numbers[part] + sixty_four * upper_s);
    m.StoreByte(8 + part, minimum.numbers[part] + sixty_four * upper_t);
    m.StoreByte(12 + part, s - sixteen * upper_s + sixteen * (t - sixteen * upper_t));
  }
  // Bytes of nibbles hold a part and the one behind it.
  Part<M, 2> high = {m.Splat(zero), m.Splat(zero)};
  Part<M, 2> low_nibbles = high;
  float bit = 1;
  for (int part = 0; part < kParts; ++part, bit *= 2) {
    const Part<M, 2> x = Elements<2>(m, 32 * part);
    const Vector offset = m.Splat(minimum.factor * minimum.numbers[part]);
    const Scalar by = scale.factor * scale.numbers[part];
    for (int i = 0; i < 2; ++i) {
      const Vector q = ByScale(m, x[i] + offset, by, 0, static_cast<float>(tries.levels));
      const Vector fifth = Above(m, q, m.Splat(sixteen));
      const Vector nibble = q - m.Splat(sixteen) * fifth;
      high[i] = high[i] + m.Splat(m.Number(bit)) * fifth;
      if (part % 2 == 0) {
        low_nibbles[i] = nibble;
      } else {
        m.StoreBytes(nibbles_at + part / 2 * 32 + i * kSearchLanes,
                     low_nibbles[i] + m.Splat(sixteen) * nibble);
      }
    }
  }
  for (int i = 0; i < 2 && high_at >= 0; ++i) m.StoreBytes(high_at + i * kSearchLanes, high[i]);
}

template <typename M>
void EncodeQ4K(M& m) {
  EncodeAffine(m, {15, -0.9f, 0.05f, 37}, -1, 16);
}

template <typename M>
void EncodeQ5K(M& m) {
  EncodeAffine(m, {31, -0.9f, 0.05f, 37}, 16, 48);
}

// Sixteen parts of sixteen numbers 0 .. 3: a byte holds those of four parts of 32.
template <typename M>
void StoreQuarters(M& m, const std::array<typename M::Vector, 16>& q, int64_t at) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 2; ++i) {
      auto bytes = q[8 * half + i];
      float by = 4;
      for (int quarter = 1; quarter < 4; ++quarter, by *= 4) {
        bytes = bytes + m.Splat(m.Number(by)) * q[8 * half + 2 * quarter + i];
      }
      m.StoreBytes(at + 32 * half + kSearchLanes * i, bytes);
    }
  }
}

// 16 parts of 16, with 4 bits for each scale and minimum.
template <typename M>
void EncodeQ2K(M& m) {
  using Scalar = typename M::Scalar;
  constexpr int kParts = 16;
  constexpr AffineTries kTries = {3, -0.9f, 0.05f, 37};
  const Scalar spread = MeanSquare<256>(m);
  std::array<Scalar, kParts> scales, minimums, weights;
  FitAffineParts<1, kParts>(m, spread, kTries, [&](size_t part, const auto& fit, const auto& w) {
    scales[part] = fit.scale;
    minimums[part] = fit.minimum;
    weights[part] = m.Sum(w[0]);
  });
  const Shared<M, kParts> scale = ShareByFit(m, scales, weights, 0, 15);
  const Shared<M, kParts> minimum = ShareByFit(m, minimums, weights, 0, 15);
  m.StoreHalf(80, scale.factor);
  m.StoreHalf(82, minimum.factor);
  std::array<typename M::Vector, kParts> q;
  for (int part = 0; part < kParts; ++part) {
    m.StoreByte(part, scale.numbers[part] + m.Number(16) * minimum.numbers[part]);
    const auto offset = m.Splat(minimum.factor * minimum.numbers[part]);
    q[part] =
        ByScale(m, m.Load(kSearchLanes * part) + offset, scale.factor * scale.numbers[part], 0, 3);
  }
  StoreQuarters(m, q, 16);
}

// 16 parts of 16 for q in -4 .. 3, with 6 bits for each scale.
template <typename M>
void EncodeQ3K(M& m) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  constexpr int kParts = 16;
  const Scalar spread = m.Number(2) * MeanSquare<256>(m);
  std::array<Scalar, kParts> scales, weights;
  for (int part = 0; part < kParts; ++part) {
    const Part<M, 1> w = WeightsOf<1>(m, kSearchLanes * part, spread);
    scales[part] = FitInRange(m, Elements<1>(m, kSearchLanes * part), w, -4, 3);
    weights[part] = m.Sum(w[0]);
  }
  const Shared<M, kParts> scale = ShareByFit(m, scales, weights, -32, 31);
  m.StoreHalf(108, scale.factor);
  const Scalar sixteen = m.Number(16);
  std::array<Scalar, kParts> low, high;
  for (int part = 0; part < kParts; ++part) {
    const Scalar six = scale.numbers[part] + m.Number(32);
    high[part] = Above(m, six, sixteen);
    low[part] = six - sixteen * high[part];
  }
  for (int part = 0; part < kParts / 2; ++part) {
    m.StoreByte(96 + part, low[part] + sixteen * low[part + 8]);
  }
  for (int part = 0; part < kParts / 4; ++part) {
    m.StoreByte(104 + part, high[part] + m.Number(4) * high[part + 4] + sixteen * high[part + 8] +
                                m.Number(64) * high[part + 12]);
  }
  const Vector four = m.Splat(m.Number(4)), zeros = m.Splat(m.Number(0));
  std::array<Vector, kParts> q;
  Part<M, 2> third = {zeros, zeros};
  float bit = 1;
  for (int part = 0; part < kParts; ++part) {
    const Vector all =
        ByScale(m, m.Load(kSearchLanes * part), scale.factor * scale.numbers[part], -4, 3) + four;
    const Vector upper = Above(m, all, four);
    q[part] = all - four * upper;
    third[part % 2] = third[part % 2] + m.Splat(m.Number(bit)) * upper;
    if (part % 2 == 1) bit *= 2;
  }
  for (int i = 0; i < 2; ++i) m.StoreBytes(kSearchLanes * i, third[i]);
  StoreQuarters(m, q, 32);
}

// 16 parts of 16 for q in -32 .. 31, with 8 bits for each scale. An element weighs its importance.
template <typename M>
void EncodeQ6K(M& m) {
  using Vector = typename M::Vector;
  constexpr int kParts = 16;
  std::array<typename M::Scalar, kParts> scales;
  for (int part = 0; part < kParts; ++part) {
    const int64_t at = kSearchLanes * part;
    const Part<M, 1> w = {m.HasImportance() ? m.Importance(at) : m.Splat(m.Number(1))};
    scales[part] = FitInRange(m, Elements<1>(m, at), w, -32, 31);
  }
  const Shared<M, kParts> scale = ShareByLargest(m, scales, -128, -128, 127);
  m.StoreHalf(208, scale.factor);
  std::array<Vector, kParts> q;
  for (int part = 0; part < kParts; ++part) {
    m.StoreByte(192 + part, scale.numbers[part]);
    const auto by = scale.factor * scale.numbers[part];
    q[part] = ByScale(m, m.Load(kSearchLanes * part), by, -32, 31) + m.Splat(m.Number(32));
  }
  // Halves of 128: each has four quarters of 32, whose low nibbles share 64 bytes and whose upper two
  // bits share 32.
  const Vector sixteen = m.Splat(m.Number(16));
  std::array<Vector, kParts> high;
  for (int part = 0; part < kParts; ++part) {
    high[part] = Above(m, q[part], sixteen);
    q[part] = q[part] - sixteen * high[part];
  }
  StoreQuarters(m, high, 128);
  for (int part = 0; part < kParts; ++part) {
    // Of a half the first four parts lie in the lower nibbles.
    if (part % 8 < 4)
      m.StoreBytes(64 * (part / 8) + kSearchLanes * (part % 8), q[part] + sixteen * q[part + 4]);
  }
}

// The nearest of the numbers that 4 bits stand for, and which of them it is.
template <typename M>
struct Picked {
  typename M::Vector value, index;
};
template <typename M>
Picked<M> PickNearest(M& m, typename M::Vector x) {
  Picked<M> picked{m.Splat(m.Number(kIQ4Values[0])), m.Splat(m.Number(0))};
  for (int i = 1; i < 16; ++i) {
    const auto low = static_cast<float>(kIQ4Values[i - 1]),
               high = static_cast<float>(kIQ4Values[i]);
    const auto is_above = m.Above(x, (low + high) / 2);
    picked.value = picked.value + m.Splat(m.Number(high - low)) * is_above;
    picked.index = picked.index + is_above;
  }
  return picked;
}

template <typename M>
typename M::Scalar FitPicked(M& m, int64_t at, typename M::Scalar spread) {
  constexpr int kTries = 15;
  constexpr float kFurthest = kIQ4Values[0];
  return FitScale(m, Elements<2>(m, at), WeightsOf<2>(m, at, spread), -kFurthest, kFurthest, 1,
                  kTries, [&](typename M::Vector exact) { return PickNearest(m, exact).value; });
}

// 32 nibbles for what is picked by this scale.
template <typename M>
void StorePicked(M& m, int64_t from, typename M::Scalar scale, int64_t at) {
  const auto inverse = m.Splat(Inverse(m, scale));
  const Part<M, 2> x = Elements<2>(m, from);
  m.StoreBytes(at, PickNearest(m, x[0] * inverse).index +
                       m.Splat(m.Number(16)) * PickNearest(m, x[1] * inverse).index);
}

template <typename M>
void EncodeIQ4NL(M& m) {
  const auto d = m.Half(FitPicked(m, 0, m.Number(2) * MeanSquare<32>(m)));
  m.StoreHalf(0, d);
  StorePicked(m, 0, d, 2);
}

// 8 parts of 32, with 6 bits for each scale.
template <typename M>
void EncodeIQ4XS(M& m) {
  using Scalar = typename M::Scalar;
  constexpr int kParts = 8;
  const Scalar spread = m.Number(2) * MeanSquare<256>(m);
  std::array<Scalar, kParts> scales, low, high;
  for (int part = 0; part < kParts; ++part) scales[part] = FitPicked(m, 32 * part, spread);
  const Shared<M, kParts> scale = ShareByLargest(m, scales, -32, -32, 31);
  m.StoreHalf(0, scale.factor);
  const Scalar sixteen = m.Number(16);
  for (int part = 0; part < kParts; ++part) {
    const Scalar six = scale.numbers[part] + m.Number(32);
    high[part] = Above(m, six, sixteen);
    low[part] = six - sixteen * high[part];
    StorePicked(m, 32 * part, scale.factor * scale.numbers[part], 8 + 16 * part);
  }
  for (int part = 0; part < kParts; part += 2) {
    m.StoreByte(4 + part / 2, low[part] + sixteen * low[part + 1]);
  }
  for (int part = 0; part < kParts; part += 4) {
    m.StoreByte(2 + part / 4, high[part] + m.Number(4) * high[part + 1] + sixteen * high[part + 2] +
                                  m.Number(64) * high[part + 3]);
  }
}

}  // namespace block_search

// Writes the block that a machine holds, in a dtype that is quantised so; null for others.
template <typename M>
using SearchedEncoder = void (*)(M& machine);
template <typename M>
SearchedEncoder<M> FindSearchedEncoder(DType dtype) {
  switch (dtype) {
    case DType::kQ2K:
      return block_search::EncodeQ2K<M>;
    case DType::kQ3K:
      return block_search::EncodeQ3K<M>;
    case DType::kQ4K:
      return block_search::EncodeQ4K<M>;
    case DType::kQ5K:
      return block_search::EncodeQ5K<M>;
    case DType::kQ6K:
      return block_search::EncodeQ6K<M>;
    case DType::kIQ4NL:
      return block_search::EncodeIQ4NL<M>;
    case DType::kIQ4XS:
      return block_search::EncodeIQ4XS<M>;
    default:
      return nullptr;
  }
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_BLOCK_SEARCH_H_
