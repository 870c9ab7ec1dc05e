// The quantisers of blocks of 256 that search for their scales, written once for numbers and for code
// that is being written: q4_k, q5_k and q6_k, without an importance matrix.
//
// The method is that of ggml's reference (quantize_row_q4_K_ref and its like in ggml-quants.c): of each
// sub-block several roundings are tried, to each the scale is fitted by weighted least squares, and
// that with the least error stays; then the sub-blocks' scales are rounded to 6 or 8 bits that share an
// f16. Sums go by halves of 16 lanes, not one by one, so that bytes need not be the reference's.
//
// A Machine has the types Scalar (f32), Vector (16 of them) and Bool, with + - * / that round once, and
//   Scalar Number(float)                    Vector Splat(Scalar)
//   Vector Load(int64_t i)                  elements i .. i + 15 of the block
//   Scalar Sum(Vector), Most(Vector), Least(Vector)    halves, then quarters, ...
//   Vector Max(Vector, Vector), Min(Vector, Vector), Abs(Vector)
//   Scalar Root(Scalar)                     the square root
//   Nearest(x), Whole(x)                    of either type: to the nearest whole number, of two the even
//                                           one, where |x| < 2^22; towards zero
//   Scalar Half(Scalar)                     rounded to f16 and back
//   Bool Less(Scalar, Scalar)               false if one is no number
//   Select(Bool, x, y)                      of either type
//   Pair Repeat(int count, Triple, body)    body(Scalar index, Triple) count times
//   StoreHalf(int64_t at, Scalar), StoreByte(int64_t at, Scalar), StoreBytes(int64_t at, Vector)
// where a byte is a whole number from -128 to 255.
#ifndef LLUDA_IR_TYPE_BLOCK_SEARCH_H_
#define LLUDA_IR_TYPE_BLOCK_SEARCH_H_

#include <array>
#include <cstdint>
#include <limits>

#include "ir/type/dtype.h"

namespace lluda::ir {

// How many elements a searched block has, and a vector of a machine.
inline constexpr int64_t kSearchedBlock = 256;
inline constexpr int64_t kSearchLanes = 16;

namespace block_search {

// What a search carries from one try to the next.
template <typename M>
struct Found {
  typename M::Scalar error, scale, minimum;
};

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

// 32 numbers.
template <typename M>
struct Numbers32 {
  typename M::Vector low, high;
};

template <typename M, typename Of>
typename M::Scalar SumOf(M& m, const Of& of) {
  return m.Sum(of(0) + of(1));
}

// The tries of a fit: levels 0 .. `levels`, and the steps' inverse scales (levels + first + by * i) by
// the range.
struct AffineTries {
  int levels;
  float first, by;
  int count;
};

// x is about scale * q - minimum, the minimum at least 0, for q in 0 .. levels. Elements weigh the root
// of the mean square, plus their magnitude.
template <typename M>
Found<M> FitAffine(M& m, const std::array<typename M::Vector, 2>& x, const AffineTries& tries) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  const Scalar zero = m.Number(0);
  const Scalar mean = SumOf(m, [&](int i) { return x[i] * x[i]; }) / m.Number(32);
  const Vector root = m.Splat(m.Root(mean));
  const std::array<Vector, 2> w = {root + m.Abs(x[0]), root + m.Abs(x[1])};
  const Scalar most = m.Most(m.Max(x[0], x[1]));
  const Scalar lowest = m.Least(m.Min(x[0], x[1]));
  const Scalar least = m.Select(m.Less(lowest, zero), lowest, zero);
  const Scalar range = most - least;
  const Scalar sum_w = SumOf(m, [&](int i) { return w[i]; });
  const Scalar sum_x = SumOf(m, [&](int i) { return w[i] * x[i]; });
  const auto levels_by = [&](Scalar inverse, int i) {
    const Vector q = m.Nearest((x[i] - m.Splat(least)) * m.Splat(inverse));
    return Limited(m, q, 0, static_cast<float>(tries.levels));
  };
  const auto error_of = [&](const std::array<Vector, 2>& q, Scalar scale, Scalar offset) {
    return SumOf(m, [&](int i) {
      const Vector off = m.Splat(scale) * q[i] + m.Splat(offset) - x[i];
      return w[i] * (off * off);
    });
  };
  const Scalar levels = m.Number(static_cast<float>(tries.levels));
  const Scalar plain = levels / range;
  const Scalar plain_scale = m.Number(1) / plain;
  const std::array<Vector, 2> plain_q = {levels_by(plain, 0), levels_by(plain, 1)};
  const Found<M> start{error_of(plain_q, plain_scale, least), plain_scale, least};
  Found<M> best = m.Repeat(tries.count, start, [&](Scalar index, const Found<M>& before) {
    const Scalar inverse = (m.Number(tries.first) + m.Number(tries.by) * index + levels) / range;
    const std::array<Vector, 2> q = {levels_by(inverse, 0), levels_by(inverse, 1)};
    const Scalar sum_q = SumOf(m, [&](int i) { return w[i] * q[i]; });
    const Scalar sum_q2 = SumOf(m, [&](int i) { return w[i] * q[i] * q[i]; });
    const Scalar sum_xq = SumOf(m, [&](int i) { return w[i] * q[i] * x[i]; });
    const Scalar determinant = sum_w * sum_q2 - sum_q * sum_q;
    const Scalar offset = (sum_q2 * sum_x - sum_q * sum_xq) / determinant;
    const auto is_positive = m.Less(zero, offset);
    const Scalar scale =
        m.Select(is_positive, sum_xq / sum_q2, (sum_w * sum_xq - sum_x * sum_q) / determinant);
    const Scalar minimum = m.Select(is_positive, zero, offset);
    const Scalar none = m.Number(std::numeric_limits<float>::infinity());
    const Scalar error = m.Select(m.Less(zero, determinant), error_of(q, scale, minimum), none);
    const auto is_better = m.Less(error, before.error);
    return Found<M>{m.Select(is_better, error, before.error),
                    m.Select(is_better, scale, before.scale),
                    m.Select(is_better, minimum, before.minimum)};
  });
  const auto has_range = m.Less(zero, range);
  best.scale = m.Select(has_range, best.scale, zero);
  best.minimum = zero - m.Select(has_range, best.minimum, least);
  return best;
}

// The sub-blocks of q4_k and q5_k: 8 of 32 with 6 bits for each scale and minimum. `high_at` is where
// fifth bits lie, or -1.
template <typename M>
void EncodeAffine(M& m, const AffineTries& tries, int64_t high_at, int64_t nibbles_at) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  constexpr int kParts = 8;
  const Scalar zero = m.Number(0);
  const auto elements = [&](int part) {
    return std::array<Vector, 2>{m.Load(32 * part), m.Load(32 * part + kSearchLanes)};
  };
  std::array<Found<M>, kParts> fits;
  Scalar most_scale = zero, most_minimum = zero;
  for (int part = 0; part < kParts; ++part) {
    fits[part] = FitAffine(m, elements(part), tries);
    most_scale = m.Select(m.Less(most_scale, fits[part].scale), fits[part].scale, most_scale);
    most_minimum =
        m.Select(m.Less(most_minimum, fits[part].minimum), fits[part].minimum, most_minimum);
  }
  const Scalar levels = m.Number(63);
  const auto inverse = [&](Scalar most) {
    return m.Select(m.Less(zero, most), levels / most, zero);
  };
  const Scalar by_scale = inverse(most_scale), by_minimum = inverse(most_minimum);
  const Scalar d = m.Half(most_scale / levels), d_minimum = m.Half(most_minimum / levels);
  m.StoreHalf(0, d);
  m.StoreHalf(2, d_minimum);
  std::array<Scalar, kParts> scales, minimums;
  for (int part = 0; part < kParts; ++part) {
    scales[part] = Limited(m, m.Nearest(by_scale * fits[part].scale), 0, 63);
    minimums[part] = Limited(m, m.Nearest(by_minimum * fits[part].minimum), 0, 63);
  }
  const Scalar sixteen = m.Number(16), sixty_four = m.Number(64);
  const auto upper = [&](Scalar six) { return m.Whole(six / sixteen); };
  for (int part = 0; part < kParts / 2; ++part) {
    const Scalar scale = scales[part + 4], minimum = minimums[part + 4];
    m.StoreByte(4 + part, scales[part] + sixty_four * upper(scale));
    m.StoreByte(8 + part, minimums[part] + sixty_four * upper(minimum));
    m.StoreByte(12 + part,
                scale - sixteen * upper(scale) + sixteen * (minimum - sixteen * upper(minimum)));
  }
  // Bytes of nibbles hold a part and the one behind it.
  std::array<Vector, 2> high = {m.Splat(zero), m.Splat(zero)};
  std::array<Vector, 2> low_nibbles = high;
  float bit = 1;
  for (int part = 0; part < kParts; ++part, bit *= 2) {
    const std::array<Vector, 2> x = elements(part);
    const Scalar scale = d * scales[part];
    const auto is_used = m.Less(zero, scale);
    for (int i = 0; i < 2; ++i) {
      const Vector exact = (x[i] + m.Splat(d_minimum * minimums[part])) / m.Splat(scale);
      Vector q = Limited(m, m.Nearest(exact), 0, static_cast<float>(tries.levels));
      q = m.Select(is_used, q, m.Splat(zero));
      const Vector fifth = m.Whole(q / m.Splat(sixteen));
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
  EncodeAffine(m, {15, -1.0f, 0.1f, 21}, -1, 16);
}

template <typename M>
void EncodeQ5K(M& m) {
  EncodeAffine(m, {31, -0.5f, 0.1f, 16}, 16, 48);
}

// x is about scale * q for q in -32 .. 31; elements weigh their squares.
template <typename M>
typename M::Scalar FitSymmetric(M& m, typename M::Vector x) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  constexpr int kTries = 19;
  const Scalar zero = m.Number(0);
  const Scalar most = m.Most(x), least = m.Least(x);
  const Scalar largest = m.Select(m.Less(most, zero - least), least, most);
  const Vector w = x * x;
  // The scale that fits, and how much of the squares' sum it explains.
  const auto fit = [&](Scalar inverse) {
    const Vector q = Limited(m, m.Nearest(x * m.Splat(inverse)), -32, 31);
    const Scalar sum_xq = m.Sum(w * x * q), sum_q2 = m.Sum(w * q * q);
    const Scalar scale = m.Select(m.Less(zero, sum_q2), sum_xq / sum_q2, zero);
    return Found<M>{zero - scale * sum_xq, scale, zero};
  };
  const Found<M> start = fit(m.Number(-32) / largest);
  const Found<M> best = m.Repeat(kTries, start, [&](Scalar index, const Found<M>& before) {
    const Scalar levels = m.Number(32) + m.Number(0.1f) * (index - m.Number(kTries / 2));
    const Found<M> found = fit((zero - levels) / largest);
    const auto is_better = m.Less(found.error, before.error);
    return Found<M>{m.Select(is_better, found.error, before.error),
                    m.Select(is_better, found.scale, before.scale), zero};
  });
  const Scalar magnitude = m.Most(m.Abs(x));
  return m.Select(m.Less(magnitude, m.Number(1e-15f)), zero, best.scale);
}

template <typename M>
void EncodeQ6K(M& m) {
  using Scalar = typename M::Scalar;
  using Vector = typename M::Vector;
  constexpr int kParts = 16;
  const Scalar zero = m.Number(0);
  std::array<Scalar, kParts> scales;
  Scalar largest = zero;
  const auto magnitude = [&](Scalar x) { return m.Select(m.Less(x, zero), zero - x, x); };
  for (int part = 0; part < kParts; ++part) {
    scales[part] = FitSymmetric(m, m.Load(kSearchLanes * part));
    const auto is_larger = m.Less(magnitude(largest), magnitude(scales[part]));
    largest = m.Select(is_larger, scales[part], largest);
  }
  const auto is_used = m.Less(zero, magnitude(largest));
  const Scalar inverse = m.Select(is_used, m.Number(-128) / largest, zero);
  const Scalar d = m.Half(m.Select(is_used, m.Number(1) / inverse, zero));
  m.StoreHalf(208, d);
  std::array<Vector, kParts> q;
  for (int part = 0; part < kParts; ++part) {
    const Scalar byte = Limited(m, m.Nearest(inverse * scales[part]), -128, 127);
    m.StoreByte(192 + part, byte);
    const Scalar scale = d * byte;
    const Vector exact = m.Load(kSearchLanes * part) / m.Splat(scale);
    const Vector rounded = Limited(m, m.Nearest(exact), -32, 31);
    q[part] =
        m.Select(m.Less(zero, magnitude(scale)), rounded, m.Splat(zero)) + m.Splat(m.Number(32));
  }
  // Halves of 128: each has four quarters of 32, whose low nibbles share 64 bytes and whose upper two
  // bits share 32.
  const Vector sixteen = m.Splat(m.Number(16));
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 2; ++i) {
      std::array<Vector, 4> low, high;
      for (int quarter = 0; quarter < 4; ++quarter) {
        const Vector all = q[8 * half + 2 * quarter + i];
        high[quarter] = m.Whole(all / sixteen);
        low[quarter] = all - sixteen * high[quarter];
      }
      const int64_t at = i * kSearchLanes;
      m.StoreBytes(64 * half + at, low[0] + sixteen * low[2]);
      m.StoreBytes(64 * half + 32 + at, low[1] + sixteen * low[3]);
      const auto shifted = [&](int quarter, float by) {
        return m.Splat(m.Number(by)) * high[quarter];
      };
      m.StoreBytes(128 + 32 * half + at, high[0] + shifted(1, 4) + shifted(2, 16) + shifted(3, 64));
    }
  }
}

}  // namespace block_search

// Writes the block of 256 that a machine holds, in a dtype that is quantised so; null for others.
template <typename M>
using SearchedEncoder = void (*)(M& machine);
template <typename M>
SearchedEncoder<M> FindSearchedEncoder(DType dtype) {
  switch (dtype) {
    case DType::kQ4K:
      return block_search::EncodeQ4K<M>;
    case DType::kQ5K:
      return block_search::EncodeQ5K<M>;
    case DType::kQ6K:
      return block_search::EncodeQ6K<M>;
    default:
      return nullptr;
  }
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_BLOCK_SEARCH_H_
