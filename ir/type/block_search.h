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
// A Machine has the types Scalar (f32), Vector (16 of them) and Bool, with + - * / that round once, and
//   Scalar Number(float)                    Vector Splat(Scalar)
//   Vector Load(int64_t i)                  elements i .. i + 15 of the block
//   bool HasImportance(); Vector Importance(int64_t i)    those of the same elements
//   Vector Join(array of 16 Scalars)
//   Vector Above(Vector, float)             1 where an element is larger, else 0
//   Scalar Sum(Vector), Most(Vector), Least(Vector)    halves, then quarters, ...
//   Vector Max(Vector, Vector), Min(Vector, Vector), Abs(Vector)
//   Root(x)                                 of either type: the square root
//   Nearest(x), Whole(x)                    of either type: to the nearest whole number, of two the even
//                                           one, where |x| < 2^22; towards zero
//   Scalar Half(Scalar)                     rounded to f16 and back
//   Bool Less(Scalar, Scalar)               false if one is no number
//   Select(Bool, x, y)                      of either type
//   Repeat(int count, vector of Found, body)    body(Scalar index, what it has so far) count times
//   StoreHalf(int64_t at, Scalar), StoreByte(int64_t at, Scalar), StoreBytes(int64_t at, Vector)
// where a byte is a whole number from -128 to 255.
#ifndef LLUDA_IR_TYPE_BLOCK_SEARCH_H_
#define LLUDA_IR_TYPE_BLOCK_SEARCH_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "ir/type/block_formats.h"
#include "ir/type/dtype.h"

namespace lluda::ir {

// How many elements a vector of a machine has.
inline constexpr int64_t kSearchLanes = 16;

namespace block_search {

// What a search carries from one try to the next.
template <typename M>
struct Found {
  typename M::Scalar error, scale, minimum;
};

// Neighbours that are fitted together, or their weights.
template <typename M, size_t kVectors>
using Part = std::array<typename M::Vector, kVectors>;

template <typename M>
typename M::Scalar Limited(M& m, typename M::Scalar x, float least, float most) {
  const auto low = m.Number(least), high = m.Number(most);
  const auto above = m.Select(m.Less(low, x), x, low);
  return m.Select(m.Less(above, high), above, high);
}

template <typename M>
typename M::Vector Limited(M& m, typename M::Vector x, float least, float most) {
  return m.Min(m.Max(x, m.Splat(m.Number(least))), m.Splat(m.Number(most)));
}

template <typename M>
typename M::Scalar Magnitude(M& m, typename M::Scalar x) {
  const auto zero = m.Number(0);
  return m.Select(m.Less(x, zero), zero - x, x);
}

// Of two scalars the one that is further from zero, the first of equals.
template <typename M>
typename M::Scalar Larger(M& m, typename M::Scalar x, typename M::Scalar y) {
  return m.Select(m.Less(Magnitude(m, x), Magnitude(m, y)), y, x);
}

// 1 / x, or 0.
template <typename M>
typename M::Scalar Inverse(M& m, typename M::Scalar x) {
  const auto zero = m.Number(0);
  return m.Select(m.Less(zero, Magnitude(m, x)), m.Number(1) / x, zero);
}

template <size_t kVectors, typename M, typename Of>
typename M::Scalar SumOf(M& m, const Of& of) {
  auto sum = of(0);
  for (size_t i = 1; i < kVectors; ++i) sum = sum + of(i);
  return m.Sum(sum);
}

template <size_t kVectors, typename M>
Part<M, kVectors> Elements(M& m, int64_t at) {
  Part<M, kVectors> part;
  for (size_t i = 0; i < kVectors; ++i)
    part[i] = m.Load(at + static_cast<int64_t>(i) * kSearchLanes);
  return part;
}

// Of a block of so many elements.
template <int64_t kElements, typename M>
typename M::Scalar MeanSquare(M& m) {
  const auto squares = SumOf<kElements / kSearchLanes>(m, [&](size_t i) {
    const auto x = m.Load(static_cast<int64_t>(i) * kSearchLanes);
    return x * x;
  });
  return squares / m.Number(kElements);
}

// An element weighs the root of its square and `spread`, times its importance.
template <size_t kVectors, typename M>
Part<M, kVectors> WeightsOf(M& m, int64_t at, typename M::Scalar spread) {
  Part<M, kVectors> weights = Elements<kVectors>(m, at);
  for (size_t i = 0; i < kVectors; ++i) {
    weights[i] = m.Root(m.Splat(spread) + weights[i] * weights[i]);
    const int64_t first = at + static_cast<int64_t>(i) * kSearchLanes;
    if (m.HasImportance()) weights[i] = weights[i] * m.Importance(first);
  }
  return weights;
}

// Of each lane, the least and the largest element.
template <typename M, size_t kVectors>
std::pair<typename M::Vector, typename M::Vector> LaneBounds(M& m, const Part<M, kVectors>& x) {
  typename M::Vector lower = x[0], upper = x[0];
  for (size_t i = 1; i < kVectors; ++i) {
    upper = m.Max(upper, x[i]);
    lower = m.Min(lower, x[i]);
  }
  return {lower, upper};
}

// The tries of a fit: levels 0 .. `levels`, and the steps' inverse scales (levels + first + by * i) by
// the range.
struct AffineTries {
  int levels;
  float first, by;
  int count;
};

// x is about scale * q - minimum, the minimum at least 0, for q in 0 .. levels.
template <typename M, size_t kVectors>
class AffineFit {
 public:
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;

  AffineFit(M& m, const Part<M, kVectors>& x, const Part<M, kVectors>& w, const AffineTries& tries)
      : m_(m),
        x_(x),
        w_(w),
        tries_(tries),
        zero_(m.Number(0)),
        levels_(m.Number(static_cast<float>(tries.levels))),
        bounds_(LaneBounds<M, kVectors>(m, x)),
        lowest_(m.Least(bounds_.first)),
        least_(m.Select(m.Less(lowest_, zero_), lowest_, zero_)),
        most_(m.Most(bounds_.second)),
        range_(most_ - least_),
        sum_w_(Sum([&](size_t i) { return w_[i]; })),
        sum_x_(Sum([&](size_t i) { return w_[i] * x_[i]; })) {}

  Found<M> Start() {
    const Scalar plain = levels_ / range_;
    const Scalar plain_scale = m_.Number(1) / plain;
    return {ErrorOf(LevelsBy(least_, plain), plain_scale, least_), plain_scale, least_};
  }

  // Levels are counted from the best minimum until now.
  Found<M> Try(Scalar index, const Found<M>& before) {
    const Scalar step = m_.Number(tries_.first) + m_.Number(tries_.by) * index;
    const Scalar inverse = (step + levels_) / (most_ - before.minimum);
    const Part<M, kVectors> q = LevelsBy(before.minimum, inverse);
    const Scalar sum_q = Sum([&](size_t i) { return w_[i] * q[i]; });
    const Scalar sum_q2 = Sum([&](size_t i) { return w_[i] * q[i] * q[i]; });
    const Scalar sum_xq = Sum([&](size_t i) { return w_[i] * q[i] * x_[i]; });
    const Scalar determinant = sum_w_ * sum_q2 - sum_q * sum_q;
    const Scalar offset = (sum_q2 * sum_x_ - sum_q * sum_xq) / determinant;
    const auto is_positive = m_.Less(zero_, offset);
    const Scalar scale =
        m_.Select(is_positive, sum_xq / sum_q2, (sum_w_ * sum_xq - sum_x_ * sum_q) / determinant);
    const Scalar minimum = m_.Select(is_positive, zero_, offset);
    const Scalar none = m_.Number(std::numeric_limits<float>::infinity());
    const Scalar error = m_.Select(m_.Less(zero_, determinant), ErrorOf(q, scale, minimum), none);
    const auto is_better = m_.Less(error, before.error);
    return {m_.Select(is_better, error, before.error), m_.Select(is_better, scale, before.scale),
            m_.Select(is_better, minimum, before.minimum)};
  }

  Found<M> Finish(Found<M> best) {
    const auto has_range = m_.Less(zero_, range_);
    best.scale = m_.Select(has_range, best.scale, zero_);
    best.minimum = zero_ - m_.Select(has_range, best.minimum, least_);
    return best;
  }

 private:
  template <typename Of>
  Scalar Sum(const Of& of) {
    return SumOf<kVectors>(m_, of);
  }

  Part<M, kVectors> LevelsBy(Scalar from, Scalar inverse) {
    Part<M, kVectors> q = x_;
    for (Vector& each : q) {
      each = m_.Nearest((each - m_.Splat(from)) * m_.Splat(inverse));
      each = Limited(m_, each, 0, static_cast<float>(tries_.levels));
    }
    return q;
  }

  Scalar ErrorOf(const Part<M, kVectors>& q, Scalar scale, Scalar offset) {
    return Sum([&](size_t i) {
      const Vector off = m_.Splat(scale) * q[i] + m_.Splat(offset) - x_[i];
      return w_[i] * (off * off);
    });
  }

  M& m_;
  const Part<M, kVectors> x_, w_;
  const AffineTries tries_;
  const Scalar zero_, levels_;
  const std::pair<Vector, Vector> bounds_;
  const Scalar lowest_, least_, most_, range_, sum_w_, sum_x_;
};

// So many parts go through their tries side by side: one waits for its sums, and a try for the one
// before it, four times as long as its operations take.
constexpr size_t kFits = 4;

// Of the parts of a block, kVectors vectors each, whose elements weigh WeightsOf by `spread`. Calls
// `found(part, fit, weights)` for each.
template <size_t kVectors, size_t kParts, typename M, typename Each>
void FitAffineParts(M& m, typename M::Scalar spread, const AffineTries& tries, const Each& found) {
  static_assert(kParts % kFits == 0);
  constexpr auto kElements = static_cast<int64_t>(kVectors) * kSearchLanes;
  for (size_t first = 0; first < kParts; first += kFits) {
    std::vector<Part<M, kVectors>> weights;
    std::vector<AffineFit<M, kVectors>> fits;
    std::vector<Found<M>> best;
    for (size_t i = 0; i < kFits; ++i) {
      const int64_t at = kElements * static_cast<int64_t>(first + i);
      weights.push_back(WeightsOf<kVectors>(m, at, spread));
      fits.emplace_back(m, Elements<kVectors>(m, at), weights.back(), tries);
      best.push_back(fits.back().Start());
    }
    best = m.Repeat(tries.count, best, [&](typename M::Scalar index, std::vector<Found<M>> each) {
      for (size_t i = 0; i < kFits; ++i) each[i] = fits[i].Try(index, each[i]);
      return each;
    });
    for (size_t i = 0; i < kFits; ++i) found(first + i, fits[i].Finish(best[i]), weights[i]);
  }
}

// The scale by which x is about scale * q: q is what `round` makes of x * inverse, for an inverse of
// (at + by * i) / the largest element, i from -count / 2 to count / 2, or of first / that.
template <typename M, size_t kVectors, typename Round>
typename M::Scalar FitScale(M& m, const Part<M, kVectors>& x, const Part<M, kVectors>& w,
                            float first, float at, float by, int count, const Round& round) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  const Scalar zero = m.Number(0);
  const auto [lower, upper] = LaneBounds<M, kVectors>(m, x);
  const Scalar largest = Larger(m, m.Most(upper), m.Least(lower));
  // The scale that fits, and how much of the squares' sum it explains.
  const auto fit = [&](Scalar inverse) {
    Part<M, kVectors> q = x;
    for (Vector& each : q) each = round(each * m.Splat(inverse));
    const Scalar sum_xq = SumOf<kVectors>(m, [&](size_t i) { return w[i] * x[i] * q[i]; });
    const Scalar sum_q2 = SumOf<kVectors>(m, [&](size_t i) { return w[i] * q[i] * q[i]; });
    const Scalar scale = m.Select(m.Less(zero, sum_q2), sum_xq / sum_q2, zero);
    return Found<M>{zero - scale * sum_xq, scale, zero};
  };
  const std::vector<Found<M>> start = {fit(m.Number(first) / largest)};
  const auto next = [&](Scalar index, const std::vector<Found<M>>& before) {
    const Scalar step = index - m.Number(static_cast<float>(count / 2));
    const Found<M> found = fit((m.Number(at) + m.Number(by) * step) / largest);
    const auto is_better = m.Less(found.error, before[0].error);
    return std::vector<Found<M>>{{m.Select(is_better, found.error, before[0].error),
                                  m.Select(is_better, found.scale, before[0].scale), zero}};
  };
  const Found<M> best = m.Repeat(count, start, next)[0];
  return m.Select(m.Less(Magnitude(m, largest), m.Number(1e-15f)), zero, best.scale);
}

// For q in least .. most; the largest element becomes the one that is further from zero.
template <typename M, size_t kVectors>
typename M::Scalar FitInRange(M& m, const Part<M, kVectors>& x, const Part<M, kVectors>& w,
                              float least, float most) {
  constexpr int kTries = 19;
  const float at = least < 0 ? least : most;
  return FitScale(m, x, w, at, at, 0.1f, kTries, [&](typename M::Vector exact) {
    return Limited(m, m.Nearest(exact), least, most);
  });
}

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
