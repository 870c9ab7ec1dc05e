// Elementwise ops. Each result is computed in double from the f32 operands and rounded once: for
// + - * / and sqrt that is the IEEE f32 result, because double has more than 2 * 24 + 2 digits
// (Figueroa, "When is double rounding innocuous?", 1995); for the others it is the f32 nearest to
// libm's double.
#include <cmath>
#include <limits>

#include "ir/interpreter/interpreter_ops.h"
#include "ir/op/gelu.h"
#include "ir/type/encoding.h"

namespace lluda::ir {
namespace {

template <typename Function>
absl::StatusOr<Tensor> MapElements(const KernelArgs& args, Function function) {
  Tensor result(args.type);
  const std::vector<float>& x = args.in[0]->floats();
  for (int64_t i = 0; i < result.size(); ++i) {
    result.Store(i, function(static_cast<double>(x[i])));
  }
  return result;
}

// Axes are matched by name; the operand that lacks one is broadcast along it.
template <typename Function>
absl::StatusOr<Tensor> MapPairs(const KernelArgs& args, Function function) {
  Tensor result(args.type);
  const std::vector<float>& a = args.in[0]->floats();
  const std::vector<float>& b = args.in[1]->floats();
  const std::vector<Axis>& axes = args.type.axes;
  int64_t i = 0;
  ForEachIndex<2>(
      Lengths(axes),
      {StridesAlong(axes, args.in[0]->type()), StridesAlong(axes, args.in[1]->type())},
      [&](const auto& at) {
        result.Store(i++, function(static_cast<double>(a[at[0]]), static_cast<double>(b[at[1]])));
      });
  return result;
}

struct IntRange {
  double below;  // 2^(bits - 1): all integers of the dtype lie in [-below, below)
  int bits;
};

IntRange RangeOf(DType dtype) {
  const int bits = ElementBits(dtype);
  return {std::ldexp(1.0, bits - 1), bits};
}

// Towards zero; what lies outside becomes the nearest integer of the dtype, NaN becomes 0.
int64_t FloatToInt(float value, DType dtype) {
  const IntRange range = RangeOf(dtype);
  if (std::isnan(value)) return 0;
  const int64_t min = std::numeric_limits<int64_t>::min() >> (64 - range.bits);
  if (value < -range.below) return min;
  if (value >= range.below) return -(min + 1);
  return static_cast<int64_t>(value);
}

// Keeps the low bits, as a two's complement number of the dtype's width.
int64_t WrapInt(int64_t value, DType dtype) {
  const int unused = 64 - RangeOf(dtype).bits;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

}  // namespace

float Silu(float x) {
  return static_cast<float>(static_cast<double>(x) / (1.0 + std::exp(-static_cast<double>(x))));
}

float Gelu(float x) {
  const auto rounded = [](double value) { return static_cast<float>(value); };
  const double wide = x;
  const float square = rounded(wide * wide);
  const float cube = rounded(square * wide);
  const float small = rounded(static_cast<double>(cube) * static_cast<float>(kGeluCube));
  const float sum = rounded(wide + small);
  const float inner = rounded(static_cast<double>(sum) * static_cast<float>(kGeluScale));
  const float turned = rounded(std::tanh(static_cast<double>(inner)));
  const float share = rounded(1.0 + turned);
  return rounded(0.5 * rounded(wide * share));
}

float GeluErf(float x) {
  const auto rounded = [](double value) { return static_cast<float>(value); };
  const float inner = rounded(static_cast<double>(x) * static_cast<float>(kGeluErfScale));
  const float turned = rounded(std::erf(static_cast<double>(inner)));
  const float share = rounded(1.0 + turned);
  return rounded(static_cast<double>(rounded(0.5 * x)) * share);
}

absl::StatusOr<Tensor> RunAdd(const KernelArgs& args) {
  return MapPairs(args, [](double a, double b) { return a + b; });
}

absl::StatusOr<Tensor> RunSub(const KernelArgs& args) {
  return MapPairs(args, [](double a, double b) { return a - b; });
}

absl::StatusOr<Tensor> RunMul(const KernelArgs& args) {
  return MapPairs(args, [](double a, double b) { return a * b; });
}

absl::StatusOr<Tensor> RunDiv(const KernelArgs& args) {
  return MapPairs(args, [](double a, double b) { return a / b; });
}

absl::StatusOr<Tensor> RunCos(const KernelArgs& args) {
  return MapElements(args, [](double x) { return std::cos(x); });
}

absl::StatusOr<Tensor> RunSin(const KernelArgs& args) {
  return MapElements(args, [](double x) { return std::sin(x); });
}

absl::StatusOr<Tensor> RunErf(const KernelArgs& args) {
  return MapElements(args, [](double x) { return std::erf(x); });
}

absl::StatusOr<Tensor> RunExp(const KernelArgs& args) {
  return MapElements(args, [](double x) { return std::exp(x); });
}

absl::StatusOr<Tensor> RunReciprocal(const KernelArgs& args) {
  return MapElements(args, [](double x) { return 1.0 / x; });
}

absl::StatusOr<Tensor> RunSilu(const KernelArgs& args) {
  return MapElements(args, [](double x) { return Silu(static_cast<float>(x)); });
}

absl::StatusOr<Tensor> RunKeep(const KernelArgs& args) {
  Tensor result(args.type);
  const std::vector<Axis>& axes = args.type.axes;
  const std::vector<float>& y = args.in[1]->floats();
  const std::vector<float>& t = args.in[2]->floats();
  int64_t i = 0;
  ForEachIndex<2>(
      Lengths(axes),
      {StridesAlong(axes, args.in[1]->type()), StridesAlong(axes, args.in[2]->type())},
      [&](const auto& at) {
        const bool less = y[at[0]] < t[at[1]];
        result.Store(i, less ? -std::numeric_limits<double>::infinity() : args.in[0]->floats()[i]);
        ++i;
      });
  return result;
}

absl::StatusOr<Tensor> RunGelu(const KernelArgs& args) {
  return MapElements(args, [](double x) { return Gelu(static_cast<float>(x)); });
}

absl::StatusOr<Tensor> RunGeluErf(const KernelArgs& args) {
  return MapElements(args, [](double x) { return GeluErf(static_cast<float>(x)); });
}

absl::StatusOr<Tensor> RunTanh(const KernelArgs& args) {
  return MapElements(args, [](double x) { return std::tanh(x); });
}

absl::StatusOr<Tensor> RunOffset(const KernelArgs& args) {
  const double by = static_cast<float>(*args.op.attrs.by);
  return MapElements(args, [by](double x) { return x + by; });
}

absl::StatusOr<Tensor> RunScale(const KernelArgs& args) {
  const double by = static_cast<float>(*args.op.attrs.by);
  return MapElements(args, [by](double x) { return x * by; });
}

absl::StatusOr<Tensor> RunPower(const KernelArgs& args) {
  const double base = *args.op.attrs.base;
  return MapElements(args, [base](double x) { return std::pow(base, x); });
}

absl::StatusOr<Tensor> RunIota(const KernelArgs& args) {
  Tensor result(args.type);
  for (int64_t i = 0; i < result.size(); ++i) {
    result.Store(i, static_cast<double>(i) * *args.op.attrs.step);
  }
  return result;
}

absl::StatusOr<Tensor> RunLiteral(const KernelArgs& args) {
  Tensor result(args.type);
  for (int64_t i = 0; i < result.size(); ++i) {
    result.Store(i, args.op.attrs.values[static_cast<size_t>(i)]);
  }
  return result;
}

absl::StatusOr<Tensor> RunCast(const KernelArgs& args) {
  const Tensor& x = *args.in[0];
  const DType dtype = args.type.dtype;
  Tensor result(args.type);
  for (int64_t i = 0; i < result.size(); ++i) {
    if (IsFloat(dtype)) {
      // Straight to f32: by way of double an i64 would be rounded twice.
      result.mutable_floats()[i] =
          RoundTo(dtype, x.is_float() ? x.floats()[i] : static_cast<float>(x.ints()[i]));
    } else {
      result.mutable_ints()[i] =
          x.is_float() ? FloatToInt(x.floats()[i], dtype) : WrapInt(x.ints()[i], dtype);
    }
  }
  return result;
}

}  // namespace lluda::ir
