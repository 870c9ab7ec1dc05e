#include "codegen/emit/math.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "ir/op/gelu.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/IntrinsicsX86.h"

namespace lluda::codegen {
namespace {

// Horner's rule; coefficients from the highest power down.
Value* PolynomialF32(Emitter& e, Value* x, const std::vector<float>& coefficients) {
  const int lanes = LanesOf(x);
  Value* sum = e.ConstF32(coefficients[0], lanes);
  for (size_t i = 1; i < coefficients.size(); ++i) {
    sum = e.MulAdd(sum, x, e.ConstF32(coefficients[i], lanes));
  }
  return sum;
}

Value* PolynomialF64(Emitter& e, Value* x, const std::vector<double>& coefficients) {
  const int lanes = LanesOf(x);
  Value* sum = e.ConstF64(coefficients[0], lanes);
  for (size_t i = 1; i < coefficients.size(); ++i) {
    sum = e.MulAdd(sum, x, e.ConstF64(coefficients[i], lanes));
  }
  return sum;
}

double Factorial(int n) {
  double product = 1;
  for (int i = 2; i <= n; ++i) product *= i;
  return product;
}

struct Rounded {
  Value* nearest;  // as a floating-point number
  Value* integer;  // as i64 lanes, valid in its low bits
};

// Nearest integer of |x| < 2^51 by adding and subtracting 1.5 * 2^52: needs no rounding
// instruction.
Rounded RoundF64(Emitter& e, Value* x) {
  const int lanes = LanesOf(x);
  Value* magic = e.ConstF64(0x1.8p52, lanes);
  Value* shifted = e.b().CreateFAdd(x, magic);
  return {e.b().CreateFSub(shifted, magic), e.b().CreateBitCast(shifted, e.Int(64, lanes))};
}

// sin or cos of f32 lanes. Cody and Waite's reduction to |r| <= pi/4 with pi/2 in two parts, the
// first of 33 bits so that its product with the quadrant is exact; then Taylor's series in double,
// whose first dropped terms are under 2^-54.
Value* SinOrCos(Emitter& e, Value* x, int quadrant_shift) {
  constexpr double kHalfPiHigh = 1.57079632673412561417e+00;
  constexpr double kHalfPiLow = 6.07710050650619224932e-11;
  auto& b = e.b();
  const int lanes = LanesOf(x);
  Value* wide = b.CreateFPExt(x, e.F64(lanes));
  const Rounded quadrant = RoundF64(e, b.CreateFMul(wide, e.ConstF64(2 / M_PI, lanes)));
  Value* r = b.CreateFSub(wide, b.CreateFMul(quadrant.nearest, e.ConstF64(kHalfPiHigh, lanes)));
  r = b.CreateFSub(r, b.CreateFMul(quadrant.nearest, e.ConstF64(kHalfPiLow, lanes)));
  Value* square = b.CreateFMul(r, r);
  std::vector<double> sin_terms, cos_terms;
  for (int k = 8; k >= 0; --k) {
    const double sign = k % 2 == 0 ? 1 : -1;
    sin_terms.push_back(sign / Factorial(2 * k + 1));
    cos_terms.push_back(sign / Factorial(2 * k));
  }
  Value* sine = b.CreateFMul(r, PolynomialF64(e, square, sin_terms));
  Value* cosine = PolynomialF64(e, square, cos_terms);
  Value* turns = b.CreateAdd(quadrant.integer, e.ConstInt(quadrant_shift, 64, lanes));
  Value* odd =
      b.CreateICmpNE(b.CreateAnd(turns, e.ConstInt(1, 64, lanes)), e.ConstInt(0, 64, lanes));
  Value* negative =
      b.CreateICmpNE(b.CreateAnd(turns, e.ConstInt(2, 64, lanes)), e.ConstInt(0, 64, lanes));
  Value* magnitude = b.CreateSelect(odd, cosine, sine);
  return b.CreateFPTrunc(b.CreateSelect(negative, b.CreateFNeg(magnitude), magnitude),
                         e.F32(lanes));
}

}  // namespace

namespace {

constexpr float kLowest = -87.3365402f;     // the first float above ln(2^-126)
constexpr float kHighest = 88.7228390520f;  // ln(2^128)
constexpr float kLog2E = 1.44269504088896341f;
constexpr float kLn2High = 0.693359375f;  // few bits, so that products with integers are exact
constexpr float kLn2Low = -2.12194440e-4f;
constexpr float kMagic = 0x1.8p23f;  // adding it rounds |x| < 2^22 to an integer
constexpr int kEstimateLanes = 16;

// 2^f for |f| <= 1/2, from the highest power down: 1 + f q(f), q of degree 4, with the least
// greatest relative error (9.2e-8; by Remez' exchange of the points of greatest error).
constexpr std::array<double, 6> kPowerOfTwo = {1.32647272177e-3, 9.67151263958e-3, 5.55073374319e-2,
                                               2.40222420854e-1, 6.93146977599e-1, 1.0};

// exp(x) = mantissa * 2^exponent, the mantissa near 1. Reduces to r in [-ln2/2, ln2/2] and
// evaluates the degree-6 minimax polynomial of the Cephes library (expf); ln2 is split so that the
// first product is exact.
struct SplitExp {
  Value* mantissa;
  Value* exponent;  // i32 lanes
};

SplitExp ReduceExp(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  Value* shifted = e.MulAdd(x, constant(kLog2E), constant(kMagic));
  Value* n = b.CreateFSub(shifted, constant(kMagic));
  Value* r = e.MulAdd(n, constant(-kLn2High), x);
  r = e.MulAdd(n, constant(-kLn2Low), r);
  Value* p = PolynomialF32(e, r,
                           {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                            1.6666665459e-1f, 5.0000001201e-1f});
  p = e.MulAdd(p, b.CreateFMul(r, r), r);
  p = b.CreateFAdd(p, constant(1.0f));
  Value* bits = b.CreateSub(b.CreateBitCast(shifted, e.Int(32, lanes)),
                            b.CreateBitCast(constant(kMagic), e.Int(32, lanes)));
  return {p, bits};
}

Value* PowerOfTwo(Emitter& e, Value* exponent) {
  const int lanes = LanesOf(exponent);
  Value* biased = e.b().CreateAdd(exponent, e.ConstInt(127, 32, lanes));
  return e.b().CreateBitCast(e.b().CreateShl(biased, 23), e.F32(lanes));
}

}  // namespace

Value* Exp(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  const SplitExp split = ReduceExp(e, x);
  // 2^n in two halves, so that n = 128 does not overflow on the way.
  Value* half = b.CreateAShr(split.exponent, 1);
  Value* y = b.CreateFMul(b.CreateFMul(split.mantissa, PowerOfTwo(e, half)),
                          PowerOfTwo(e, b.CreateSub(split.exponent, half)));
  y = b.CreateSelect(b.CreateFCmpOLT(x, constant(kLowest)), constant(0.0f), y);
  y = b.CreateSelect(b.CreateFCmpOGT(x, constant(kHighest)),
                     constant(std::numeric_limits<float>::infinity()), y);
  return b.CreateSelect(b.CreateFCmpUNO(x, x), x, y);
}

// 2^t, t = x * scale * log2(e), is 2^n times 2^f for the integer n nearest to t and |f| <= 1/2.
Value* ExpOfScaled(Emitter& e, Value* x, float scale) {
  constexpr float kLeast = -125;  // 2^-125 times f32 near 1 is normal
  auto& b = e.b();
  const int lanes = LanesOf(x);
  const auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  const auto to_t = static_cast<float>(M_LOG2E * scale);
  x = e.Max(constant(kLeast / to_t), x);  // a NaN stays
  Value* shifted = e.MulAdd(x, constant(to_t), constant(kMagic));
  Value* minus_n = b.CreateFSub(constant(kMagic), shifted);
  Value* f = e.MulAdd(x, constant(to_t), minus_n);
  Value* mantissa = PolynomialF32(e, f, {kPowerOfTwo.begin(), kPowerOfTwo.end()});
  // The low bits of kMagic's are zero.
  return b.CreateFMul(mantissa, PowerOfTwo(e, b.CreateBitCast(shifted, e.Int(32, lanes))));
}

namespace {

// 1 / x for 1 <= x <= 2^126. With AVX-512 an estimate of 14 bits and a step of Newton's method,
// which is off by less than 2^-23.
Value* Reciprocal(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  Value* one = e.ConstF32(1.0f, lanes);
  if (!e.target().has_avx512()) return b.CreateFDiv(one, x);
  Value* wide = lanes == kEstimateLanes ? x : e.Splat(x, kEstimateLanes);
  Value* estimate = b.CreateIntrinsic(
      llvm::Intrinsic::x86_avx512_rcp14_ps_512, {},
      {wide, e.ConstF32(0.0f, kEstimateLanes), llvm::ConstantInt::get(b.getInt16Ty(), 0xFFFF)});
  if (lanes != kEstimateLanes) estimate = b.CreateExtractElement(estimate, uint64_t{0});
  Value* rest = e.MulAdd(b.CreateFNeg(x), estimate, one);
  return e.MulAdd(estimate, rest, estimate);
}

}  // namespace

// exp(-x) = 2^n exp(r) with -x = n ln2 + r and |r| <= ln2 / 2. ln2 is split so that the first
// product is exact; exp(r) is ExpOfScaled's polynomial.
Value* Sigmoid(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  const auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  // 1 + exp(-x) is 1 far before; a NaN stays.
  Value* least = b.CreateSelect(b.CreateFCmpOGT(x, constant(-kLowest)), constant(-kLowest), x);
  Value* shifted = e.MulAdd(least, constant(-kLog2E), constant(kMagic));
  Value* n = b.CreateFSub(shifted, constant(kMagic));
  Value* minus_r = e.MulAdd(n, constant(kLn2High), least);
  minus_r = e.MulAdd(n, constant(kLn2Low), minus_r);
  std::vector<float> polynomial;
  for (size_t i = 0; i < kPowerOfTwo.size(); ++i) {
    const auto power = static_cast<int>(kPowerOfTwo.size() - 1 - i);
    polynomial.push_back(static_cast<float>(kPowerOfTwo[i] * std::pow(-M_LOG2E, power)));
  }
  Value* denominator =
      e.MulAdd(PolynomialF32(e, minus_r, polynomial),
               PowerOfTwo(e, b.CreateBitCast(shifted, e.Int(32, lanes))), constant(1.0f));
  return b.CreateSelect(b.CreateFCmpOLT(x, constant(kLowest)), constant(0.0f),
                        Reciprocal(e, denominator));
}

Value* Silu(Emitter& e, Value* x) { return e.b().CreateFMul(x, Sigmoid(e, x)); }

// (1 + tanh(u)) / 2 is sigmoid(2u).
Value* Gelu(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  const auto constant = [&](double v) { return e.ConstF32(static_cast<float>(v), lanes); };
  Value* square = b.CreateFMul(x, x);
  Value* factor =
      e.MulAdd(square, constant(2 * ir::kGeluScale * ir::kGeluCube), constant(2 * ir::kGeluScale));
  return b.CreateFMul(x, Sigmoid(e, b.CreateFMul(x, factor)));
}

// Below 0.625 the polynomial of the Cephes library (tanhf), above it 1 - 2 / (e^2x + 1).
Value* Tanh(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  Value* square = b.CreateFMul(x, x);
  Value* polynomial = PolynomialF32(e, square,
                                    {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                     1.33314422036e-1f, -3.33332819422e-1f});
  Value* small = e.MulAdd(b.CreateFMul(polynomial, square), x, x);
  Value* one = e.ConstF32(1.0f, lanes);
  Value* exponential = Exp(e, b.CreateFAdd(x, x));
  Value* large =
      b.CreateFSub(one, b.CreateFDiv(e.ConstF32(2.0f, lanes), b.CreateFAdd(exponential, one)));
  Value* magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  return b.CreateSelect(b.CreateFCmpOLT(magnitude, e.ConstF32(0.625f, lanes)), small, large);
}

// Up to 1, x times a polynomial of its square; above, 1 - exp of a polynomial that is log(erfc(x)) up
// to 4, from where on the result is 1. Both have the least greatest relative error, of erf and of
// erfc (by Lawson's weights): 1.2e-9 and 1.6e-9.
Value* Erf(Emitter& e, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  const auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  Value* magnitude = b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
  Value* small = b.CreateFMul(
      x, PolynomialF32(e, b.CreateFMul(x, x),
                       {7.85386111e-5f, -8.01019355e-4f, 5.18832768e-3f, -2.68538119e-2f,
                        1.12835851e-1f, -3.76126258e-1f, 1.12837917f}));
  constexpr float kOne = 4.0f;
  Value* limited =
      b.CreateSelect(b.CreateFCmpOGT(magnitude, constant(kOne)), constant(kOne), magnitude);
  Value* exponent = PolynomialF32(e, limited,
                                  {1.97181596e-4f, -3.05560635e-3f, 2.22770825e-2f, -1.04037351e-1f,
                                   -6.37059763e-1f, -1.12774956f, -1.77495955e-4f});
  Value* large = b.CreateFSub(constant(1.0f), Exp(e, exponent));
  large = b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, large, x);
  return b.CreateSelect(b.CreateFCmpOLT(magnitude, constant(1.0f)), small, large);
}

// x times the share of a normal distribution that lies below x. That share is a half and x p(x^2) /
// q(x^2): the least greatest error up to kFar, 6e-9 (by Lawson's weights), a hair larger there than a
// half, and cut, so that the share is 0 or 1 from there on.
Value* GeluErf(Emitter& e, Value* x) {
  constexpr float kFar = 5.4f;
  auto& b = e.b();
  const int lanes = LanesOf(x);
  const auto constant = [&](float v) { return e.ConstF32(v, lanes); };
  const auto cut = [&](Value* value, float most) {
    value = e.Max(constant(-most), value);
    return b.CreateSelect(b.CreateFCmpOLT(constant(most), value), constant(most), value);
  };
  Value* near = cut(x, kFar);
  Value* square = b.CreateFMul(near, near);
  Value* p = PolynomialF32(e, square,
                           {2.33868036e-8f, 6.36002051e-6f, 1.64321202e-4f, 4.65084892e-3f,
                            3.33721824e-2f, 3.98942351e-1f});
  Value* q = PolynomialF32(
      e, square,
      {1.21659275e-6f, 7.24000274e-5f, 1.85897842e-3f, 2.83786561e-2f, 2.50317723e-1f, 1.0f});
  Value* odd = b.CreateFMul(b.CreateFMul(near, p), Reciprocal(e, q));
  return b.CreateFMul(x, b.CreateFAdd(constant(0.5f), cut(odd, 0.5f)));
}

Value* Sin(Emitter& e, Value* x) { return SinOrCos(e, x, 0); }
Value* Cos(Emitter& e, Value* x) { return SinOrCos(e, x, 1); }

// 2^(x log2(base)): the integer part becomes the exponent, the rest Taylor's series of exp, whose
// first dropped term is under 2^-57.
Value* Power(Emitter& e, double base, Value* x) {
  auto& b = e.b();
  const int lanes = LanesOf(x);
  Value* y = b.CreateFMul(b.CreateFPExt(x, e.F64(lanes)), e.ConstF64(std::log2(base), lanes));
  const Rounded n = RoundF64(e, y);
  Value* r = b.CreateFMul(b.CreateFSub(y, n.nearest), e.ConstF64(M_LN2, lanes));
  std::vector<double> terms;
  for (int k = 14; k >= 0; --k) terms.push_back(1 / Factorial(k));
  Value* fraction = PolynomialF64(e, r, terms);
  Value* exponent = b.CreateShl(b.CreateAdd(n.integer, e.ConstInt(1023, 64, lanes)), 52);
  return b.CreateFPTrunc(b.CreateFMul(fraction, b.CreateBitCast(exponent, e.F64(lanes))),
                         e.F32(lanes));
}

}  // namespace lluda::codegen
