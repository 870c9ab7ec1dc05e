#include "base/portable_log.h"

#include <cmath>
#include <limits>

namespace lluda::base {
namespace {

// ln 2 in two parts. The first has so few bits that its product with any exponent is exact.
constexpr double kLn2 = 0x1.62e42fee00000p-1;
constexpr double kLn2Rest = 0x1.a39ef35793c76p-33;
constexpr double kHalfSquareRoot = 0x1.6a09e667f3bcdp-1;  // of 2

// 2 / (2 k + 1) from k = 1 on; the last term is below half a unit in the last place for
// |s| <= 3 - 2 sqrt(2).
constexpr double kCoefficients[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                                    2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
constexpr int kCount = sizeof(kCoefficients) / sizeof(kCoefficients[0]);

}  // namespace

// ln x = n ln 2 + ln(1 + f), with 1 + f between the square roots of 1/2 and of 2. With
// s = f / (2 + f), ln(1 + f) = 2 s + 2/3 s^3 + 2/5 s^5 + ..., and 2 s = f - s f, where s f = h - s h
// for h = f^2 / 2. Multiplications and additions are rounded one by one: the target is compiled
// without contraction.
double PortableLog(double x) {
  if (std::isnan(x) || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (std::isinf(x)) return x;
  int exponent;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < kHalfSquareRoot) {
    mantissa *= 2;
    --exponent;
  }
  const double f = mantissa - 1;
  const double s = f / (2 + f);
  const double square = s * s;
  double sum = kCoefficients[kCount - 1];
  for (int k = kCount - 2; k >= 0; --k) sum = sum * square + kCoefficients[k];
  const double half = 0.5 * f * f;
  const double n = exponent;
  return n * kLn2 - ((half - (s * (half + sum * square) + n * kLn2Rest)) - f);
}

}  // namespace lluda::base
