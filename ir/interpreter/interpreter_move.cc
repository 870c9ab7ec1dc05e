// Ops that only move elements: they work on any dtype and round nothing.
#include <algorithm>

#include "base/status_macros.h"
#include "ir/interpreter/interpreter_ops.h"
#include "ir/type/encoding.h"

namespace lluda::ir {
namespace {

// A row-major value around one of its axes: `outer` blocks of `length` times `inner` elements.
struct AroundAxis {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;
};

// Places that so many elements take in the vectors that WithElements visits.
int64_t Places(const Tensor& x, int64_t elements) {
  return x.is_blocks() ? BytesOf(x.type().dtype, elements) : elements;
}

AroundAxis Around(const Tensor& x, absl::string_view axis) {
  AroundAxis around;
  bool before = true;
  for (const Axis& each : x.type().axes) {
    const int64_t extent = each.extent.value;
    if (each.name == axis) {
      around.length = extent;
      before = false;
    } else {
      (before ? around.outer : around.inner) *= extent;
    }
  }
  return around;
}

// Operand i of args along axes[i]; one name serves all operands.
absl::StatusOr<Tensor> Join(const KernelArgs& args, const std::vector<std::string>& axes) {
  Tensor result(args.type);
  int64_t row = 0;  // places of one outer block of the result
  for (size_t i = 0; i < args.in.size(); ++i) {
    const AroundAxis around = Around(*args.in[i], axes[axes.size() == 1 ? 0 : i]);
    row += Places(*args.in[i], around.length * around.inner);
  }
  int64_t begin = 0;
  for (size_t i = 0; i < args.in.size(); ++i) {
    const AroundAxis around = Around(*args.in[i], axes[axes.size() == 1 ? 0 : i]);
    const int64_t chunk = Places(*args.in[i], around.length * around.inner);
    WithElements(&result, *args.in[i], [&](auto& to, const auto& from) {
      for (int64_t o = 0; o < around.outer; ++o) {
        std::copy_n(from.begin() + o * chunk, chunk, to.begin() + o * row + begin);
      }
    });
    begin += chunk;
  }
  return result;
}

}  // namespace

absl::StatusOr<Tensor> RunRegroup(const KernelArgs& args) {
  return args.in[0]->Reshaped(args.type);
}

absl::StatusOr<Tensor> RunPermute(const KernelArgs& args) {
  return args.in[0]->Permuted(args.op.attrs.axes);
}

absl::StatusOr<Tensor> RunConcat(const KernelArgs& args) { return Join(args, args.op.attrs.axes); }

absl::StatusOr<Tensor> RunPack(const KernelArgs& args) {
  const std::vector<std::string>& axes = args.op.attrs.axes;
  if (axes.size() == 1) return args.in[0]->Reshaped(args.type);
  return Join(args, {axes.begin(), axes.end() - 1});
}

absl::StatusOr<Tensor> RunSlice(const KernelArgs& args) {
  const Tensor& x = *args.in[0];
  const AroundAxis around = Around(x, args.op.attrs.axes[0]);
  const int64_t begin = Places(x, args.op.attrs.begin * around.inner);
  const int64_t chunk = Places(x, (args.op.attrs.end - args.op.attrs.begin) * around.inner);
  const int64_t whole = Places(x, around.length * around.inner);
  Tensor result(args.type);
  WithElements(&result, x, [&](auto& to, const auto& from) {
    for (int64_t o = 0; o < around.outer; ++o) {
      std::copy_n(from.begin() + o * whole + begin, chunk, to.begin() + o * chunk);
    }
  });
  return result;
}

absl::StatusOr<Tensor> RunPad(const KernelArgs& args) {
  const Tensor& x = *args.in[0];
  const std::vector<std::string>& padded = args.op.attrs.axes;
  const std::vector<Axis>& axes = x.type().axes;
  int64_t first = 0;  // the place of x's first element
  for (const std::string& name : padded) {
    first +=
        args.op.attrs.before.value_or(0) * StridesAlong({*args.type.GetAxis(name)}, args.type)[0];
  }
  Tensor result(args.type);
  WithElements(&result, x, [&](auto& to, const auto& from) {
    auto next = from.begin();
    ForEachIndex<1>(Lengths(axes), {StridesAlong(axes, args.type)},
                    [&](const auto& at) { to[first + at[0]] = *next++; });
  });
  return result;
}

absl::StatusOr<Tensor> RunWindow(const KernelArgs& args) {
  const Tensor& x = *args.in[0];
  const std::vector<Axis>& to = args.op.attrs.result_axes;
  std::vector<int64_t> strides;
  for (const Axis& axis : args.type.axes) {
    const bool is_window = axis.name == to[0].name;
    const bool is_made = is_window || axis.name == to[1].name;
    const std::string& own = is_made ? args.op.attrs.axes[0] : axis.name;
    strides.push_back(StridesAlong({*x.type().GetAxis(own)}, x.type())[0] *
                      (is_window ? *args.op.attrs.stride : 1));
  }
  Tensor result(args.type);
  WithElements(&result, x, [&](auto& made, const auto& from) {
    auto next = made.begin();
    ForEachIndex<1>(Lengths(args.type.axes), {strides},
                    [&](const auto& at) { *next++ = from[at[0]]; });
  });
  return result;
}

absl::StatusOr<Tensor> RunGather(const KernelArgs& args) {
  const Tensor& table = *args.in[0];
  const AroundAxis around = Around(table, args.op.attrs.axes[0]);
  RETURN_IF_ERROR(CheckRange(args.op, "index", *args.in[1], around.length));
  const int64_t inner = Places(table, around.inner);
  Tensor result(args.type.With(table.type().dtype));
  WithElements(&result, table, [&](auto& to, const auto& from) {
    auto next = to.begin();
    for (const int64_t index : args.in[1]->ints()) {
      for (int64_t o = 0; o < around.outer; ++o) {
        const int64_t at = (o * around.length + index) * inner;
        next = std::copy_n(from.begin() + at, inner, next);
      }
    }
  });
  return table.is_blocks() ? result.Decoded() : result;
}

// The value of the state after the write; the interpreter stores it.
absl::StatusOr<Tensor> RunAppend(const KernelArgs& args) {
  const Tensor& x = *args.in[1];
  const Tensor& slots = *args.in[2];
  const Tensor& positions = *args.in[3];
  Tensor state = *args.in[0];
  const std::string& slot_axis = args.op.attrs.axes[0];
  const std::string& position_axis = args.op.attrs.axes[1];
  absl::Status status = CheckRange(args.op, "slot", slots, state.extent(slot_axis));
  if (!status.ok()) return status;
  status = CheckPositions(args.op, positions, state.extent(position_axis));
  if (!status.ok()) return status;
  const std::vector<int64_t> strides = StridesAlong(
      {*state.type().GetAxis(slot_axis), *state.type().GetAxis(position_axis)}, state.type());
  const std::vector<Axis>& axes = x.type().axes;
  WithElements(&state, x, [&](auto& to, const auto& from) {
    auto next = from.begin();
    ForEachIndex<2>(Lengths(axes),
                    {StridesAlong(axes, slots.type()), StridesAlong(axes, state.type())},
                    [&](const auto& at) {
                      const int64_t cell = CellOf(args.op, positions.ints()[at[0]]);
                      to[slots.ints()[at[0]] * strides[0] + cell * strides[1] + at[1]] = *next++;
                    });
  });
  return state;
}

}  // namespace lluda::ir
