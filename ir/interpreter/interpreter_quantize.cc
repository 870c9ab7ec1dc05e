// Numbers as small integers that share a scale.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "ir/interpreter/interpreter_ops.h"
#include "ir/type/blocks.h"

namespace lluda::ir {
namespace {

constexpr double kLargest = 127;  // -128 is not used: a value and its negative are equally far off

}  // namespace

absl::StatusOr<Tensor> RunQuantizeScale(const KernelArgs& args) {
  const std::string& axis = args.op.attrs.axes[0];
  const int64_t length = args.in[0]->extent(axis);
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.in[0]->type(), {axis}, {axis}), &storage);
  Tensor scales(args.type);
  for (int64_t row = 0; row < scales.size(); ++row) {
    double largest = 0;
    for (int64_t i = 0; i < length; ++i) {
      const double magnitude = std::abs(x.floats()[row * length + i]);
      if (std::isnan(magnitude) || magnitude > largest) largest = magnitude;
      if (std::isnan(largest)) break;
    }
    scales.Store(row, largest / kLargest);
  }
  return scales;
}

absl::StatusOr<Tensor> RunQuantize(const KernelArgs& args) {
  const std::vector<float>& x = args.in[0]->floats();
  const std::vector<float>& scales = args.in[1]->floats();
  const std::vector<Axis>& axes = args.type.axes;
  Tensor result(args.type);
  int64_t i = 0;
  ForEachIndex<2>(
      Lengths(axes),
      {StridesAlong(axes, args.in[0]->type()), StridesAlong(axes, args.in[1]->type())},
      [&](const auto& at) {
        const auto quotient = static_cast<float>(static_cast<double>(x[at[0]]) / scales[at[1]]);
        const double nearest = std::isnan(quotient) ? 0 : std::nearbyint(quotient);  // ties to even
        result.mutable_ints()[i++] = static_cast<int64_t>(std::clamp(nearest, -kLargest, kLargest));
      });
  return result;
}

absl::StatusOr<Tensor> RunQuantizeBlocks(const KernelArgs& args) {
  Tensor result(args.type);
  const DType dtype = args.type.dtype;
  const absl::Span<const float> values = args.in[0]->floats();
  const absl::Span<std::byte> blocks = absl::MakeSpan(result.mutable_blocks());
  if (args.in.size() == 1) {
    EncodeBlocks(dtype, values, blocks);
    return result;
  }
  const absl::Span<const float> importance = args.in[1]->floats();
  const std::vector<Axis>& axes = args.type.axes;
  std::vector<int64_t> rows = Lengths(axes);
  const int64_t columns = std::exchange(rows.back(), 1);
  const int64_t bytes = BytesOf(dtype, columns);
  size_t row = 0;
  ForEachIndex<1>(rows, {StridesAlong(axes, args.in[1]->type())}, [&](const auto& at) {
    EncodeBlocks(dtype, values.subspan(row * columns, columns), blocks.subspan(row * bytes, bytes),
                 importance.subspan(at[0], columns));
    ++row;
  });
  return result;
}

absl::StatusOr<Tensor> RunDequantize(const KernelArgs& args) { return args.in[0]->Decoded(); }

Tensor Dequantized(const Tensor& integers, const Tensor& scales) {
  Tensor values(integers.type().With(DType::kF32));
  const std::vector<Axis>& axes = values.type().axes;
  int64_t i = 0;
  ForEachIndex<1>(Lengths(axes), {StridesAlong(axes, scales.type())}, [&](const auto& at) {
    values.Store(i, static_cast<double>(integers.ints()[i]) * scales.floats()[at[0]]);
    ++i;
  });
  return values;
}

}  // namespace lluda::ir
