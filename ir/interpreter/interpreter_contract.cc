// Ops that combine the elements along one axis. Sums are taken in double and rounded once, so that
// the result does not depend on the order an implementation adds in.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "ir/interpreter/interpreter_ops.h"
#include "ir/op/contraction.h"
#include "ir/op/op_info.h"

namespace lluda::ir {
namespace {

// Applies row(in, out) along `axis` of operand 0, for a result with the operand's axes.
template <typename Row>
Tensor MapRows(const KernelArgs& args, Row row) {
  const std::string& axis = args.op.attrs.axes[0];
  const int64_t length = args.in[0]->extent(axis);
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.type, {axis}, {axis}), &storage);
  Tensor rows(x.type().With(args.type.dtype));
  std::vector<float> out(length);
  for (int64_t begin = 0; begin < x.size(); begin += length) {
    row(x.floats().data() + begin, out.data());
    for (int64_t i = 0; i < length; ++i) rows.Store(begin + i, out[i]);
  }
  return rows.Permuted(AxesEndingIn(args.type, {}, {}));
}

// Applies row(in, length), which gives one number, along `axis` of operand 0.
template <typename Row>
Tensor ReduceRows(const KernelArgs& args, Row row) {
  const std::string& axis = args.op.attrs.axes[0];
  const int64_t length = args.in[0]->extent(axis);
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.in[0]->type(), {axis}, {axis}), &storage);
  Tensor result(args.type);
  for (int64_t i = 0; i < result.size(); ++i) {
    result.Store(i, row(x.floats().data() + i * length, length));
  }
  return result;
}

double Sum(const float* x, int64_t length) {
  double sum = 0.0;
  for (int64_t i = 0; i < length; ++i) sum += x[i];
  return sum;
}

float Max(const float* x, int64_t length) {
  float max = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < length; ++i) {
    if (std::isnan(x[i])) return x[i];
    max = std::max(max, x[i]);
  }
  return max;
}

}  // namespace

double Dot(const float* a, const float* b, int64_t length) {
  // Several sums side by side, for the compiler to vectorise. Element i always goes to sum i % 8,
  // so that zeros at the end of a row change nothing.
  constexpr int kLanes = 8;
  double sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
    }
  }
  for (; i < length; ++i) sums[i % kLanes] += static_cast<double>(a[i]) * b[i];
  double sum = 0.0;
  for (const double lane : sums) sum += lane;
  return sum;
}

int64_t Dot(const int64_t* a, const int64_t* b, int64_t length) {
  int64_t sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += a[i] * b[i];
  return sum;
}

void SoftmaxRow(float* scores, int64_t length) {
  const double max = Max(scores, length);
  for (int64_t i = 0; i < length; ++i) {
    const float difference = static_cast<float>(scores[i] - max);
    scores[i] = static_cast<float>(std::exp(static_cast<double>(difference)));
  }
  const float sum = static_cast<float>(Sum(scores, length));
  for (int64_t i = 0; i < length; ++i) {
    scores[i] = static_cast<float>(static_cast<double>(scores[i]) / sum);
  }
}

absl::StatusOr<Tensor> RunL2Norm(const KernelArgs& args) {
  const std::string& axis = args.op.attrs.axes[0];
  const int64_t length = args.in[0]->extent(axis);
  const std::vector<std::string> order = AxesEndingIn(args.in[0]->type(), {axis}, {axis});
  Tensor x_storage, y_storage, decoded;
  const Tensor& x = InOrder(args.in[0], order, &x_storage);
  const Tensor* y = nullptr;
  if (args.in.size() == 2) {
    if (args.in[1]->is_blocks()) decoded = args.in[1]->Decoded();
    y = &InOrder(args.in[1]->is_blocks() ? &decoded : args.in[1], order, &y_storage);
  }
  Tensor result(args.type);
  std::vector<float> row(static_cast<size_t>(length));
  for (int64_t i = 0; i < result.size(); ++i) {
    for (int64_t k = 0; k < length; ++k) {
      const double less = y == nullptr ? 0 : y->floats()[i * length + k];
      row[k] = static_cast<float>(x.floats()[i * length + k] - less);
    }
    result.Store(i, std::sqrt(Dot(row.data(), row.data(), length)));
  }
  return result;
}

absl::StatusOr<Tensor> RunNthLargest(const KernelArgs& args) {
  const std::string& axis = args.op.attrs.axes[0];
  const int64_t length = args.in[0]->extent(axis);
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.in[0]->type(), {axis}, {axis}), &storage);
  Tensor result(args.type);
  std::vector<float> row(static_cast<size_t>(length));
  int64_t i = 0;
  ForEachIndex<1>(Lengths(args.type.axes), {StridesAlong(args.type.axes, args.in[1]->type())},
                  [&](const auto& at) {
                    for (int64_t k = 0; k < length; ++k) {
                      const float value = x.floats()[i * length + k];
                      row[k] = std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
                    }
                    const int64_t most = std::min(length, kMostNthLargest);
                    const int64_t n = std::clamp<int64_t>(args.in[1]->ints()[at[0]], 1, most);
                    std::nth_element(row.begin(), row.begin() + (n - 1), row.end(),
                                     std::greater<float>());
                    result.Store(i++, row[n - 1]);
                  });
  return result;
}

absl::StatusOr<Tensor> RunReduceMax(const KernelArgs& args) { return ReduceRows(args, Max); }

absl::StatusOr<Tensor> RunReduceSum(const KernelArgs& args) { return ReduceRows(args, Sum); }

absl::StatusOr<Tensor> RunSoftmax(const KernelArgs& args) {
  const int64_t length = args.in[0]->extent(args.op.attrs.axes[0]);
  return MapRows(args, [length](const float* x, float* out) {
    std::copy_n(x, length, out);
    SoftmaxRow(out, length);
  });
}

absl::StatusOr<Tensor> RunRmsnorm(const KernelArgs& args) {
  const int64_t length = args.in[0]->extent(args.op.attrs.axes[0]);
  const float* weight = args.in[1]->floats().data();
  const double eps = *args.op.attrs.eps;
  return MapRows(args, [=](const float* x, float* out) {
    const double mean = Dot(x, x, length) / static_cast<double>(length);
    const double factor = 1.0 / std::sqrt(mean + eps);
    for (int64_t i = 0; i < length; ++i) out[i] = static_cast<float>(x[i] * factor * weight[i]);
  });
}

absl::StatusOr<Tensor> RunRmsnormAdd(const KernelArgs& args) {
  ASSIGN_OR_RETURN(Tensor sum, RunRmsnorm(args));
  for (int64_t i = 0; i < sum.size(); ++i) {
    sum.Store(i, static_cast<double>(args.in[2]->floats()[i]) + sum.floats()[i]);
  }
  return sum;
}

// Each statement that it stands for is rounded: mean, differences, and their norm.
absl::StatusOr<Tensor> RunLayernorm(const KernelArgs& args) {
  const int64_t length = args.in[0]->extent(args.op.attrs.axes[0]);
  const float* weight = args.in[1]->floats().data();
  const float* bias = args.in[2]->floats().data();
  const double eps = *args.op.attrs.eps;
  const double share = static_cast<float>(1.0 / static_cast<double>(length));
  std::vector<float> centred(static_cast<size_t>(length));
  return MapRows(args, [&](const float* x, float* out) {
    const double mean = static_cast<float>(static_cast<float>(Sum(x, length)) * share);
    for (int64_t i = 0; i < length; ++i) centred[i] = static_cast<float>(x[i] - mean);
    const double squares = Dot(centred.data(), centred.data(), length);
    const double factor = 1.0 / std::sqrt(squares / static_cast<double>(length) + eps);
    for (int64_t i = 0; i < length; ++i) {
      const auto normalised = static_cast<float>(centred[i] * factor * weight[i]);
      out[i] = static_cast<float>(static_cast<double>(normalised) + bias[i]);
    }
  });
}

// With the contracted axes last in both operands, as if they were merged into one, each result row
// is one row of `a` times all columns of `b` that belong to the row's batch.
absl::StatusOr<Tensor> RunMatmul(const KernelArgs& args) {
  const absl::Span<const std::string> contracted = ContractedAxes(args.op.attrs);
  const std::vector<std::string> over(contracted.begin(), contracted.end());
  std::vector<std::string> batch, columns;
  for (const Axis& axis : args.in[1]->type().axes) {
    if (std::find(over.begin(), over.end(), axis.name) != over.end()) continue;
    (args.in[0]->type().HasAxis(axis.name) ? batch : columns).push_back(axis.name);
  }
  std::vector<std::string> b_order = batch;
  b_order.insert(b_order.end(), columns.begin(), columns.end());
  b_order.insert(b_order.end(), over.begin(), over.end());
  Tensor a_storage, b_storage, decoded[2];
  const auto read = [&](size_t i) {
    if (!args.in[i]->is_blocks()) return args.in[i];
    decoded[i] = args.in[i]->Decoded();
    return static_cast<const Tensor*>(&decoded[i]);
  };
  const Tensor& a = InOrder(read(0), AxesEndingIn(args.in[0]->type(), over, over), &a_storage);
  const Tensor& b = InOrder(read(1), b_order, &b_storage);
  int64_t depth = 1;
  for (const std::string& name : over) depth *= a.extent(name);
  int64_t column_count = 1;
  for (const std::string& name : columns) column_count *= b.extent(name);

  const bool finished = args.op.attrs.epilogue.empty();
  Type type = args.type;
  if (!finished) {
    type = WithoutAxes(a.type(), over).With(DType::kF32);
    for (const std::string& name : columns) type.axes.push_back(*b.type().GetAxis(name));
  }
  Tensor result(type);
  const std::vector<Axis> row_axes = WithoutAxes(a.type(), over).axes;
  int64_t row = 0;
  ForEachIndex<1>(Lengths(row_axes), {StridesAlong(row_axes, b.type())}, [&](const auto& at) {
    if (!a.is_float()) {
      const int64_t* a_row = a.ints().data() + row * depth;
      const int64_t* b_rows = b.ints().data() + at[0];
      int64_t* to = result.mutable_ints().data() + row * column_count;
      for (int64_t n = 0; n < column_count; ++n) to[n] = Dot(a_row, b_rows + n * depth, depth);
      ++row;
      return;
    }
    const float* a_row = a.floats().data() + row * depth;
    const float* b_rows = b.floats().data() + at[0];
    for (int64_t n = 0; n < column_count; ++n) {
      result.Store(row * column_count + n, Dot(a_row, b_rows + n * depth, depth));
    }
    ++row;
  });
  return finished ? result : RunEpilogue(args, std::move(result));
}

}  // namespace lluda::ir
