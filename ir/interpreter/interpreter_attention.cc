// Ops that know positions. Each means, to the bit, what the elementwise ops and matmuls it stands
// for mean: ir/op/ops.md gives the expansions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status_macros.h"
#include "ir/interpreter/interpreter_ops.h"

namespace lluda::ir {

absl::StatusOr<Tensor> RunCausalMask(const KernelArgs& args) {
  const Tensor& scores = *args.in[0];
  const Tensor& positions = *args.in[1];
  const std::string& over = args.op.attrs.axes[0];
  const int64_t limit = scores.extent(over);
  RETURN_IF_ERROR(CheckRange(args.op, "position", positions, limit));
  const std::vector<Axis>& axes = scores.type().axes;
  std::vector<int64_t> key_stride(axes.size(), 0);
  key_stride[scores.type().FindAxis(over)] = 1;
  Tensor result = scores;
  const int64_t window = args.op.attrs.window.value_or(limit);
  int64_t i = 0;
  ForEachIndex<2>(Lengths(axes), {StridesAlong(axes, positions.type()), key_stride},
                  [&](const auto& at) {
                    const int64_t key = at[1];
                    const int64_t last = positions.ints()[at[0]];
                    if (key > last || key <= last - window) {
                      result.Store(i, -std::numeric_limits<double>::infinity());
                    }
                    ++i;
                  });
  return result;
}

float ScoreOf(float product, const Attrs& attention) {
  const auto scaled = [](double x, double by) {
    return static_cast<float>(x * static_cast<float>(by));
  };
  const float score = scaled(product, *attention.scale);
  if (!attention.softcap) return score;
  const float inner = scaled(score, 1 / *attention.softcap);
  return scaled(static_cast<float>(std::tanh(static_cast<double>(inner))), *attention.softcap);
}

absl::StatusOr<Tensor> RunRope(const KernelArgs& args) {
  const std::string& dim = args.op.attrs.axes[0];
  Tensor storage;
  const Tensor& x = InOrder(args.in[0], AxesEndingIn(args.type, {dim}, {dim}), &storage);
  const Type& table = args.in[1]->type();
  const int64_t elements = x.extent(dim);
  int64_t pairs = 0;
  std::vector<Axis> row_axes(x.type().axes.begin(), x.type().axes.end() - 1);
  int64_t pair_stride = 0;  // along the tables' axis that x lacks
  for (const Axis& axis : table.axes) {
    if (x.type().HasAxis(axis.name)) continue;
    pairs = axis.extent.value;
    pair_stride = StridesAlong({axis}, table)[0];
  }
  Tensor rows(x.type().With(args.type.dtype));
  int64_t begin = 0;
  ForEachIndex<1>(Lengths(row_axes), {StridesAlong(row_axes, table)}, [&](const auto& at) {
    const float* row = x.floats().data() + begin;
    const float* cos = args.in[1]->floats().data() + at[0];
    const float* sin = args.in[2]->floats().data() + at[0];
    const auto product = [](float a, float b) {
      return static_cast<double>(static_cast<float>(static_cast<double>(a) * b));
    };
    for (int64_t i = 0; i < pairs; ++i) {
      const float c = cos[i * pair_stride];
      const float s = sin[i * pair_stride];
      rows.Store(begin + i, product(row[i], c) - product(row[pairs + i], s));
      rows.Store(begin + pairs + i, product(row[pairs + i], c) + product(row[i], s));
    }
    for (int64_t i = 2 * pairs; i < elements; ++i) rows.Store(begin + i, row[i]);
    begin += elements;
  });
  return rows.Permuted(AxesEndingIn(args.type, {}, {}));
}

absl::StatusOr<Tensor> RunAttention(const KernelArgs& args) {
  const std::string& slot_axis = args.op.attrs.axes[0];
  const std::string& position_axis = args.op.attrs.axes[1];
  const std::string& dim = args.op.attrs.axes[2];
  const Tensor& positions = *args.in[3];
  const Tensor& slots = *args.in[4];
  const Type& cache = args.in[1]->type();
  const int64_t cells = args.in[1]->extent(position_axis);
  // Of each slot, the pages that its positions lie in, `cells` of them in each.
  const Tensor* pages = ReadsPages(args.op) ? args.in.back() : nullptr;
  const int64_t slot_pages = pages != nullptr ? pages->type().axes[1].extent.value : 1;
  const int64_t capacity = slot_pages * cells;
  RETURN_IF_ERROR(CheckPositions(args.op, positions, capacity));
  const int64_t rows_of_cells = args.in[1]->extent(slot_axis);
  RETURN_IF_ERROR(
      CheckRange(args.op, "slot", slots,
                 pages != nullptr ? pages->type().axes[0].extent.value : rows_of_cells));
  if (pages != nullptr) RETURN_IF_ERROR(CheckRange(args.op, "page", *pages, rows_of_cells));

  const bool quantized = args.in.size() > 6;
  Tensor k_values, v_values;
  if (quantized) {
    k_values = Dequantized(*args.in[1], *args.in[5]);
    v_values = Dequantized(*args.in[2], *args.in[6]);
  }
  const Tensor* keys = quantized ? &k_values : args.in[1];
  const Tensor* values = quantized ? &v_values : args.in[2];

  // Keys as [..., pos, dim] and values as [..., dim, pos], so that both products run along rows.
  Tensor q_storage, k_storage, v_storage;
  const std::vector<std::string> cut = {position_axis, dim};
  const Tensor& q = InOrder(args.in[0], AxesEndingIn(args.type, {dim}, {dim}), &q_storage);
  const Tensor& k = InOrder(keys, AxesEndingIn(cache, cut, cut), &k_storage);
  const Tensor& v = InOrder(values, AxesEndingIn(cache, cut, {dim, position_axis}), &v_storage);
  const int64_t depth = q.extent(dim);
  const int64_t slot_stride = StridesAlong({*cache.GetAxis(slot_axis)}, k.type())[0];
  const Attrs& attrs = args.op.attrs;
  const int64_t window = attrs.window.value_or(capacity);

  const std::vector<Axis> row_axes(q.type().axes.begin(), q.type().axes.end() - 1);
  Tensor rows(q.type().With(args.type.dtype));
  std::vector<float> scores(capacity), seen(capacity);
  int64_t begin = 0;
  // Keys and values have the same strides along the row axes.
  ForEachIndex<2>(
      Lengths(row_axes),
      {StridesAlong(row_axes, positions.type()), StridesAlong(row_axes, k.type())},
      [&](const auto& at) {
        const int64_t slot = slots.ints()[at[0]];
        // Where a position lies: which row of cells, and which of its cells.
        const auto row_of = [&](int64_t j) {
          return (pages != nullptr ? pages->ints()[slot * slot_pages + j / cells] : slot) *
                     slot_stride +
                 at[1];
        };
        const auto cell_of = [&](int64_t j) {
          return pages != nullptr ? j % cells : CellOf(args.op, j);
        };
        const int64_t end = attrs.mask == Mask::kCausal ? positions.ints()[at[0]] + 1 : capacity;
        const int64_t first = std::max<int64_t>(0, end - window);
        for (int64_t j = first; j < end; ++j) {
          const float* key = k.floats().data() + row_of(j) + cell_of(j) * depth;
          const float product = static_cast<float>(Dot(q.floats().data() + begin, key, depth));
          scores[j - first] = ScoreOf(product, attrs);
        }
        SoftmaxRow(scores.data(), end - first);
        for (int64_t d = 0; d < depth; ++d) {
          const float* value = v.floats().data() + d * cells;
          for (int64_t j = first; j < end; ++j) seen[j - first] = value[row_of(j) + cell_of(j)];
          const float sum = static_cast<float>(Dot(scores.data(), seen.data(), end - first));
          rows.Store(begin + d, sum);
        }
        begin += depth;
      });
  return rows.Permuted(AxesEndingIn(args.type, {}, {}));
}

}  // namespace lluda::ir
