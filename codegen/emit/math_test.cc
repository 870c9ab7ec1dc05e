// The functions as machine code, on every instruction set this machine runs, against the C library
// in double.
#include "codegen/emit/math.h"

#include <cfloat>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "codegen/cpu/kernel_test_util.h"
#include "gtest/gtest.h"

namespace lluda::codegen {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr double kSmallestNormal = 0x1p-126;

using Function = std::function<Value*(Emitter&, Value*)>;

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// One function compiled twice: lane by lane, and 16 lanes at a time.
class CompiledMath {
 public:
  CompiledMath(const Target& target, const Function& function)
      : scalar_(target, [&](Emitter& e) { Emit(e, 1, function); }),
        vector_(target, [&](Emitter& e) { Emit(e, kLanes, function); }) {}

  std::vector<float> Scalar(const std::vector<float>& x) const { return Run(scalar_, 1, x); }
  // x.size() must be a multiple of 16.
  std::vector<float> Vector(const std::vector<float>& x) const { return Run(vector_, kLanes, x); }

 private:
  static void Emit(Emitter& e, int lanes, const Function& function) {
    e.ForItems([&](Value* item) {
      Value* at = e.b().CreateMul(item, e.Const(lanes));
      Value* x = e.Load(e.Address(e.Buffer(0), at, ir::DType::kF32), ir::DType::kF32, lanes);
      e.Store(e.Address(e.Buffer(1), at, ir::DType::kF32), ir::DType::kF32, function(e, x));
    });
  }

  static std::vector<float> Run(const EmittedKernel& kernel, int lanes,
                                const std::vector<float>& x) {
    std::vector<float> y(x.size());
    kernel.Run({const_cast<float*>(x.data()), y.data()}, static_cast<int64_t>(x.size()) / lanes);
    return y;
  }

  EmittedKernel scalar_, vector_;
};

// Every bf16 value (NaNs and infinities among them), every exponent with evenly spread mantissas,
// and random bit patterns.
std::vector<float> AllKindsOfFloats() {
  std::vector<float> values;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) values.push_back(FromBits(upper << 16));
  constexpr uint32_t kMantissas = 1024;
  for (uint32_t exponent = 0; exponent < 0x200; ++exponent) {  // the sign on top
    for (uint32_t i = 0; i < kMantissas; ++i) {
      values.push_back(FromBits((exponent << 23) + i * 8191));
    }
  }
  base::SplitMix64 random(1);
  for (int i = 0; i < 1 << 18; ++i) {
    values.push_back(FromBits(static_cast<uint32_t>(random.Next() >> 32)));
  }
  return values;
}

// `count` floats from `low` to `high`, evenly spread.
std::vector<float> Sweep(double low, double high, int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(low + (high - low) * i / (count - 1)));
  }
  return values;
}

// The float and its `neighbours` next ones on both sides.
std::vector<float> Around(float center, int neighbours) {
  std::vector<float> values = {center};
  float below = center, above = center;
  for (int i = 0; i < neighbours; ++i) {
    values.push_back(below = std::nextafter(below, -kInf));
    values.push_back(above = std::nextafter(above, kInf));
  }
  return values;
}

void Append(const std::vector<float>& more, std::vector<float>* values) {
  values->insert(values->end(), more.begin(), more.end());
}

// Distance between the f32 result and the exact value, in units of the f32 nearest to it.
double UlpError(float result, double exact) {
  const double magnitude = std::max(std::fabs(exact), kSmallestNormal);
  const double ulp = std::ldexp(1.0, std::ilogb(magnitude) - (FLT_MANT_DIG - 1));
  return std::fabs(result - exact) / ulp;
}

double RelativeError(float result, double exact) { return std::fabs(result / exact - 1); }

// Calls check(x, result) on every instruction set, after seeing that both widths agree to the bit.
void CheckEverywhere(const Function& function, std::vector<float> x,
                     const std::function<void(float x, float result)>& check) {
  while (x.size() % kLanes != 0) x.push_back(1.0f);
  for (const Target& target : RunnableTargets()) {
    SCOPED_TRACE(std::string(IsaName(target.isa)));
    const CompiledMath math(target, function);
    const std::vector<float> scalar = math.Scalar(x), vector = math.Vector(x);
    for (size_t i = 0; i < x.size(); ++i) {
      if (std::isnan(scalar[i]) && std::isnan(vector[i])) {
        // Which NaN is left open.
      } else if (BitsOf(scalar[i]) != BitsOf(vector[i])) {
        ADD_FAILURE() << "x " << x[i] << ": alone " << scalar[i] << ", in 16 lanes " << vector[i];
        return;
      }
      check(x[i], vector[i]);
      if (::testing::Test::HasFailure()) {
        ADD_FAILURE() << "x is " << x[i] << ", the result " << vector[i];
        return;
      }
    }
  }
}

TEST(Exp, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-88, 89, 1 << 20), &x);
  Append(Around(-87.33654475f, 64), &x);
  Append(Around(88.72283905f, 64), &x);
  CheckEverywhere(Exp, x, [](float x, float result) {
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(result));
      return;
    }
    const double exact = std::exp(double{x});
    if (exact < kSmallestNormal) {
      EXPECT_EQ(result, 0.0f);
    } else if (exact > FLT_MAX) {
      EXPECT_EQ(result, kInf);
    } else {
      EXPECT_LT(RelativeError(result, exact), 0x1p-22);
    }
  });
}

TEST(Exp, IsExactAtTheEdges) {
  for (const float tiny : {0.0f, -0.0f, FLT_TRUE_MIN, -FLT_MIN}) {
    CheckEverywhere(Exp, std::vector<float>(kLanes, tiny),
                    [](float, float result) { EXPECT_EQ(result, 1.0f); });
  }
  CheckEverywhere(Exp, std::vector<float>(kLanes, -kInf),
                  [](float, float result) { EXPECT_EQ(BitsOf(result), BitsOf(0.0f)); });
  CheckEverywhere(Exp, std::vector<float>(kLanes, kInf),
                  [](float, float result) { EXPECT_EQ(result, kInf); });
  CheckEverywhere(Exp, std::vector<float>(kLanes, -FLT_MAX),
                  [](float, float result) { EXPECT_EQ(BitsOf(result), BitsOf(0.0f)); });
  CheckEverywhere(Exp, std::vector<float>(kLanes, FLT_MAX),
                  [](float, float result) { EXPECT_EQ(result, kInf); });
  CheckEverywhere(Exp, std::vector<float>(kLanes, kNaN),
                  [](float, float result) { EXPECT_TRUE(std::isnan(result)); });
}

TEST(ExpOfScaled, StaysWithinItsErrorBound) {
  for (const float scale : {1.0f, 0.088388346f, 3.0f}) {
    SCOPED_TRACE(scale);
    const float least = -100 / scale;
    std::vector<float> x = {0.0f, -0.0f, -kInf, -FLT_MAX, -FLT_MIN, -FLT_TRUE_MIN, kNaN};
    Append(Sweep(least, 0, 1 << 18), &x);
    const auto function = [scale](Emitter& e, Value* x) { return ExpOfScaled(e, x, scale); };
    while (x.size() % kLanes != 0) x.push_back(-1.0f);
    CheckEverywhere(function, x, [scale](float x, float result) {
      if (std::isnan(x)) {
        EXPECT_TRUE(std::isnan(result));
        return;
      }
      const double y = double{x} * scale;
      if (y < -125 * M_LN2) {
        EXPECT_LT(result, 0x1.1p-125);
      } else {
        EXPECT_LT(RelativeError(result, std::exp(y)), 0x1p-22 - y * 0x1p-23);
      }
    });
  }
}

TEST(ExpOfScaled, IsOneAtZero) {
  CheckEverywhere([](Emitter& e, Value* x) { return ExpOfScaled(e, x, 0.1f); },
                  std::vector<float>(kLanes, 0.0f),
                  [](float, float result) { EXPECT_EQ(result, 1.0f); });
}

TEST(Silu, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-90, 90, 1 << 20), &x);
  CheckEverywhere(Silu, x, [](float x, float result) {
    if (std::isnan(x) || x == -kInf) {
      EXPECT_TRUE(std::isnan(result));
      return;
    }
    const double exact = x / (1 + std::exp(-double{x}));
    if (x == kInf) {
      EXPECT_EQ(result, kInf);
    } else if (std::exp(double{x}) < kSmallestNormal) {
      EXPECT_EQ(BitsOf(result), BitsOf(-0.0f));
      EXPECT_GT(exact, -1.1e-36);
    } else if (std::fabs(exact) < kSmallestNormal) {
      EXPECT_LE(std::fabs(result), kSmallestNormal);
    } else {
      EXPECT_LT(RelativeError(result, exact), 0x1p-21);
    }
  });
}

TEST(Gelu, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-14, 14, 1 << 20), &x);
  CheckEverywhere(Gelu, x, [](float x, float result) {
    if (std::isnan(x) || x == -kInf) {
      EXPECT_TRUE(std::isnan(result));
      return;
    }
    const double wide = x;
    const double exact =
        wide / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (wide + 0.044715 * wide * wide * wide)));
    if (x == kInf) {
      EXPECT_EQ(result, kInf);
    } else {
      EXPECT_LE(std::fabs(result - exact), std::fabs(wide) * 0x1p-20 + FLT_TRUE_MIN);
    }
  });
}

TEST(Erf, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-5, 5, 1 << 20), &x);
  Append(Around(1, 64), &x);
  Append(Around(4, 64), &x);
  CheckEverywhere(Erf, x, [](float x, float result) {
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(result));
    } else if (std::fabs(x) < kSmallestNormal) {
      EXPECT_LE(std::fabs(result), 2 * kSmallestNormal);
    } else {
      EXPECT_LT(RelativeError(result, std::erf(double{x})), 0x1p-21);
    }
  });
}

TEST(GeluErf, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-14, 14, 1 << 20), &x);
  CheckEverywhere(GeluErf, x, [](float x, float result) {
    if (std::isnan(x) || x == -kInf) {
      EXPECT_TRUE(std::isnan(result));
    } else if (x == kInf) {
      EXPECT_EQ(result, kInf);
    } else {
      const double wide = x;
      const double exact = wide / 2 * (1 + std::erf(wide * std::sqrt(0.5)));
      EXPECT_LE(std::fabs(result - exact), std::fabs(wide) * 0x1p-21 + FLT_TRUE_MIN);
    }
  });
}

TEST(Tanh, StaysWithinItsErrorBound) {
  std::vector<float> x = AllKindsOfFloats();
  Append(Sweep(-20, 20, 1 << 20), &x);
  Append(Around(0.625f, 64), &x);
  CheckEverywhere(Tanh, x, [](float x, float result) {
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(result));
    } else if (std::fabs(x) < kSmallestNormal) {
      EXPECT_LE(std::fabs(result), kSmallestNormal);
    } else {
      EXPECT_LT(RelativeError(result, std::tanh(double{x})), 0x1p-21);
    }
  });
}

// Arguments up to 2^20 of all sizes, and as close to the zeros of sin and cos as floats come.
std::vector<float> Angles() {
  std::vector<float> x = Sweep(-0x1p20, 0x1p20, 1 << 19);
  Append(Sweep(-50, 50, 1 << 19), &x);
  for (const float value : AllKindsOfFloats()) {
    if (std::fabs(value) <= 0x1p20f) x.push_back(value);
  }
  for (int quadrant = -667000; quadrant < 667000; quadrant += 7) {
    Append(Around(static_cast<float>(quadrant * (M_PI / 2)), 1), &x);
  }
  for (const int position : {1, 7, 4095, 40959, 131071}) {  // as RoPE asks for
    for (int pair = 0; pair < 64; ++pair) {
      x.push_back(static_cast<float>(position * std::pow(1e6, -pair / 64.0)));
    }
  }
  return x;
}

TEST(Sin, IsNearlyCorrectlyRounded) {
  CheckEverywhere(Sin, Angles(), [](float x, float result) {
    EXPECT_LT(UlpError(result, std::sin(double{x})), 0.51);
  });
}

TEST(Cos, IsNearlyCorrectlyRounded) {
  CheckEverywhere(Cos, Angles(), [](float x, float result) {
    EXPECT_LT(UlpError(result, std::cos(double{x})), 0.51);
  });
}

TEST(SinAndCos, OfZeroAreExactAndOfNoNumberAreNaN) {
  CheckEverywhere(Sin, std::vector<float>(kLanes, -0.0f),
                  [](float, float result) { EXPECT_EQ(BitsOf(result), BitsOf(-0.0f)); });
  CheckEverywhere(Cos, std::vector<float>(kLanes, -0.0f),
                  [](float, float result) { EXPECT_EQ(result, 1.0f); });
  for (const float x : {kNaN, kInf, -kInf}) {
    const auto is_nan = [](float, float result) { EXPECT_TRUE(std::isnan(result)); };
    CheckEverywhere(Sin, std::vector<float>(kLanes, x), is_nan);
    CheckEverywhere(Cos, std::vector<float>(kLanes, x), is_nan);
  }
}

TEST(Power, IsNearlyCorrectlyRoundedForAnyBase) {
  for (const double base : {1e6, 5e6, 1e4, 2.0, M_E, 0.5, 1e-3, 1.0}) {
    SCOPED_TRACE(base);
    std::vector<float> x = Sweep(-1, 1, 1 << 16);
    for (int i = 0; i < 64; ++i) x.push_back(static_cast<float>(i) / 64);
    Append(Sweep(-130, 130, 1 << 16), &x);
    for (const float value : AllKindsOfFloats()) {
      if (std::fabs(value) < 1000) x.push_back(value);
    }
    CheckEverywhere([&](Emitter& e, Value* v) { return Power(e, base, v); }, x,
                    [&](float x, float result) {
                      const double exact = std::pow(base, double{x});
                      if (exact < kSmallestNormal || exact > FLT_MAX) return;
                      EXPECT_LT(UlpError(result, exact), 0.51);
                    });
  }
}

}  // namespace
}  // namespace lluda::codegen
