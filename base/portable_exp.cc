#include "base/portable_exp.h"

#include <cmath>
#include <limits>

namespace lluda::base {
namespace {

constexpr double kLog2OfE = 0x1.71547652b82fep+0;
// ln 2 in two parts. The first has so few bits that its product with any exponent is exact.
constexpr double kLn2 = 0x1.62e42fee00000p-1;
constexpr double kLn2Rest = 0x1.a39ef35793c76p-33;
constexpr double kOverflows = 709.782712893384;
constexpr double kUnderflows = -745.1332191019412;

// 1 / k! from k = 2 on; the last is below half a unit in the last place of 1 for |r| <= ln 2 / 2.
constexpr double kCoefficients[] = {
    1.0 / 2,     1.0 / 6,      1.0 / 24,      1.0 / 120,      1.0 / 720,       1.0 / 5040,
    1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
};
constexpr int kCount = sizeof(kCoefficients) / sizeof(kCoefficients[0]);

}  // namespace

// e^x = 2^n e^r with x = n ln 2 + r, and e^r by its Taylor series. Multiplications and additions are
// rounded one by one: the target is compiled without contraction.
double PortableExp(double x) {
  if (std::isnan(x)) return x;
  if (x > kOverflows) return std::numeric_limits<double>::infinity();
  if (x < kUnderflows) return 0;
  const double n = std::floor(x * kLog2OfE + 0.5);
  const double high = x - n * kLn2;
  const double low = n * kLn2Rest;
  const double r = high - low;
  const double rest = (high - r) - low;  // what rounding took from r
  double sum = kCoefficients[kCount - 1];
  for (int k = kCount - 2; k >= 0; --k) sum = sum * r + kCoefficients[k];
  return std::ldexp(1 + (r + (r * r * sum + rest)), static_cast<int>(n));
}

}  // namespace lluda::base
