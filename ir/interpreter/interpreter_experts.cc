// Mixtures of experts: which experts a token takes, and what they compute.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ir/interpreter/interpreter_ops.h"

namespace lluda::ir {
namespace {

// Whether `a` comes before `b` among the largest; NaN is the smallest.
bool IsLarger(float a, float b) {
  if (std::isnan(a)) return false;
  return std::isnan(b) || a > b;
}

// Each of 0..size-1 once.
absl::Status CheckPermutation(const Op& op, const Tensor& order) {
  RETURN_IF_ERROR(CheckRange(op, "place", order, order.size()));
  std::vector<bool> seen(static_cast<size_t>(order.size()), false);
  for (const int64_t place : order.ints()) {
    if (seen[static_cast<size_t>(place)]) {
      return absl::OutOfRangeError(
          absl::StrCat(op.name(), ": place ", place, " is in the order twice"));
    }
    seen[static_cast<size_t>(place)] = true;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Tensor> RunTopK(const KernelArgs& args) {
  const std::string& axis = args.op.attrs.axes[0];
  const std::string& top = args.op.attrs.result_axes[0].name;
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.in[0]->type(), {axis}, {axis}), &storage);
  const int64_t length = x.extent(axis);
  const int64_t count = args.op.attrs.result_axes[0].extent.value;
  Type type = x.type().With(DType::kI32);
  type.axes.back() = args.op.attrs.result_axes[0];
  Tensor rows(type);
  std::vector<int64_t> indices(static_cast<size_t>(length));
  for (int64_t row = 0; row < rows.size() / count; ++row) {
    const float* values = x.floats().data() + row * length;
    std::iota(indices.begin(), indices.end(), 0);
    std::stable_sort(indices.begin(), indices.end(),
                     [&](int64_t a, int64_t b) { return IsLarger(values[a], values[b]); });
    std::copy_n(indices.begin(), count, rows.mutable_ints().begin() + row * count);
  }
  return args.type.axes.back().name == top ? rows : rows.Permuted(AxesEndingIn(args.type, {}, {}));
}

absl::StatusOr<Tensor> RunPick(const KernelArgs& args) {
  const Tensor& x = *args.in[0];
  const Tensor& indices = *args.in[1];
  const std::string& over = args.op.attrs.axes[0];
  RETURN_IF_ERROR(CheckRange(args.op, "index", indices, x.extent(over)));
  const int64_t stride = StridesAlong({*x.type().GetAxis(over)}, x.type())[0];
  const std::vector<Axis>& axes = args.type.axes;
  Tensor result(args.type);
  WithElements(&result, x, [&](auto& to, const auto& from) {
    size_t next = 0;
    ForEachIndex<1>(Lengths(axes), {StridesAlong(axes, x.type())}, [&](const auto& at) {
      to[next] = from[static_cast<size_t>(at[0] + indices.ints()[next] * stride)];
      ++next;
    });
  });
  return result;
}

absl::StatusOr<Tensor> RunOrder(const KernelArgs& args) {
  const std::vector<int64_t>& keys = args.in[0]->ints();
  Tensor result(args.type);
  std::vector<int64_t>& places = result.mutable_ints();
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](int64_t a, int64_t b) {
    return keys[static_cast<size_t>(a)] < keys[static_cast<size_t>(b)];
  });
  return result;
}

absl::StatusOr<Tensor> RunExpertMatmul(const KernelArgs& args) {
  const std::string& over = args.op.attrs.axes[0];
  const std::string& expert = args.op.attrs.axes[1];
  const Tensor& indices = *args.in[2];
  Tensor decoded, a_storage, b_storage;
  const Tensor* matrices = args.in[1];
  if (matrices->is_blocks()) {
    decoded = matrices->Decoded();
    matrices = &decoded;
  }
  RETURN_IF_ERROR(CheckRange(args.op, "index", indices, matrices->extent(expert)));
  RETURN_IF_ERROR(CheckPermutation(args.op, *args.in[3]));
  const Type& b_type = matrices->type();
  const Axis columns = *std::find_if(b_type.axes.begin(), b_type.axes.end(), [&](const Axis& axis) {
    return axis.name != over && axis.name != expert;
  });
  const Tensor& a =
      InOrder(args.in[0], AxesEndingIn(args.in[0]->type(), {over}, {over}), &a_storage);
  const Tensor& b = InOrder(matrices, {expert, columns.name, over}, &b_storage);
  const int64_t depth = a.extent(over);
  const int64_t width = columns.extent.value;

  const std::vector<Axis>& rows = indices.type().axes;
  Type type = indices.type().With(DType::kF32);
  type.axes.push_back(columns);
  const bool finished = args.op.attrs.epilogue.empty() && !args.op.attrs.out;
  Tensor sums(finished ? args.type : type);
  size_t row = 0;
  ForEachIndex<1>(Lengths(rows), {StridesAlong(rows, a.type())}, [&](const auto& at) {
    const float* a_row = a.floats().data() + at[0];
    const float* matrix = b.floats().data() + indices.ints()[row] * width * depth;
    for (int64_t n = 0; n < width; ++n) {
      sums.Store(static_cast<int64_t>(row) * width + n, Dot(a_row, matrix + n * depth, depth));
    }
    ++row;
  });
  return finished ? sums : RunEpilogue(args, std::move(sums));
}

// The products and the last sum rounded as `mul` and `add` would.
absl::StatusOr<Tensor> RunCombine(const KernelArgs& args) {
  const std::string& over = args.op.attrs.axes[0];
  const Tensor& x = *args.in[0];
  const Tensor& weights = *args.in[1];
  const std::vector<Axis> top = {*x.type().GetAxis(over)};
  const int64_t x_stride = StridesAlong(top, x.type())[0];
  const int64_t weight_stride = StridesAlong(top, weights.type())[0];
  const std::vector<Axis>& axes = args.type.axes;
  Tensor result(args.type);
  int64_t next = 0;
  ForEachIndex<2>(Lengths(axes), {StridesAlong(axes, x.type()), StridesAlong(axes, weights.type())},
                  [&](const auto& at) {
                    double sum = 0.0;
                    for (int64_t i = 0; i < top[0].extent.value; ++i) {
                      const float a = x.floats()[static_cast<size_t>(at[0] + i * x_stride)];
                      const float b =
                          weights.floats()[static_cast<size_t>(at[1] + i * weight_stride)];
                      sum += static_cast<float>(static_cast<double>(a) * b);
                    }
                    const auto rounded = static_cast<float>(sum);
                    const double added =
                        args.in.size() > 2 ? args.in[2]->floats()[static_cast<size_t>(next)] : 0.0;
                    result.Store(next++, args.in.size() > 2 ? added + rounded : rounded);
                  });
  return result;
}

}  // namespace lluda::ir
