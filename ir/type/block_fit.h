// The fits that block_search.h quantises with: of neighbours the scale, and perhaps the minimum, that are
// nearest to them by weighted least squares, of several roundings that are tried.
//
//   Found<M> fit;  // of 32 elements, as 0 .. 15 by a scale above a minimum
//   FitAffineParts<2, 8>(machine, spread, {15, -0.9f, 0.05f, 37},
//                        [&](size_t part, const auto& found, const auto& weights) { fit = found; });
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
#ifndef LLUDA_IR_TYPE_BLOCK_FIT_H_
#define LLUDA_IR_TYPE_BLOCK_FIT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

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
        least_(LeastOf(m, x, zero_)),
        most_(m.Most(LaneBounds<M, kVectors>(m, x).second)),
        range_(most_ - least_),
        sum_w_(Sum([&](size_t i) { return w_[i]; })),
        sum_x_(Sum([&](size_t i) { return w_[i] * x_[i]; })) {}

  const Part<M, kVectors>& weights() const { return w_; }

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
  // At most 0.
  static Scalar LeastOf(M& m, const Part<M, kVectors>& x, Scalar zero) {
    const Scalar least = m.Least(LaneBounds<M, kVectors>(m, x).first);
    return m.Select(m.Less(least, zero), least, zero);
  }

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
  const Scalar least_, most_, range_, sum_w_, sum_x_;
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
    std::vector<AffineFit<M, kVectors>> fits;
    std::vector<Found<M>> best;
    for (size_t i = 0; i < kFits; ++i) {
      const int64_t at = kElements * static_cast<int64_t>(first + i);
      fits.emplace_back(m, Elements<kVectors>(m, at), WeightsOf<kVectors>(m, at, spread), tries);
      best.push_back(fits.back().Start());
    }
    best = m.Repeat(tries.count, best, [&](typename M::Scalar index, std::vector<Found<M>> each) {
      for (size_t i = 0; i < kFits; ++i) each[i] = fits[i].Try(index, each[i]);
      return each;
    });
    for (size_t i = 0; i < kFits; ++i) found(first + i, fits[i].Finish(best[i]), fits[i].weights());
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

}  // namespace block_search
}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_BLOCK_FIT_H_
