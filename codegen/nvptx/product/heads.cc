#include "codegen/nvptx/product/heads.h"

#include "codegen/emit/integer.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen::gpu {

using ir::EpilogueStep;
using runtime::kWarpThreads;

Heads::Heads(const KernelSpec& spec, GpuEmitter& e)
    : spec_(spec),
      e_(e),
      heads_(spec.attrs.result_axes.begin(), spec.attrs.result_axes.end() - 1),
      dim_(spec.attrs.result_axes.back()),
      dims_(dim_.extent.value) {}

Indices Heads::RowOf(Indices row, Value* head) const {
  const Indices own = e_.IndicesOf(heads_, head, 1);
  row.insert(own.begin(), own.end());
  return row;
}

Value* Heads::SumAt(Value* d) {
  return e_.Load(e_.Address(sums_, d, ir::DType::kF32), ir::DType::kF32, 1);
}

Value* Heads::Inverse() {
  auto& b = e_.b();
  Value* own = e_.ForLanesOfWarp(
      e_.Const(dims_), {e_.ConstF32(0.0f, 1)}, [&](Value* d, const Emitter::Carried& sum) {
        Value* x = SumAt(d);
        return Emitter::Carried{b.CreateFAdd(sum[0], b.CreateFMul(x, x))};
      })[0];
  return InverseRootMeanSquare(e_, e_.WarpSum(own), dims_, *spec_.attrs.eps);
}

Value* Heads::At(Value* d) {
  Value* x = SumAt(d);
  if (!has(EpilogueStep::kNorm)) return x;
  const int norm = operand(EpilogueStep::kNorm);
  const TensorSpec& weight = spec_.operands[norm];
  Value* at = e_.Offset(weight.axes, {{weight.axes[0].axis.name, d}});
  Value* factor = e_.Load(e_.Address(e_.Buffer(norm), at, weight.dtype), weight.dtype, 1);
  return e_.b().CreateFMul(e_.b().CreateFMul(x, inverse_), factor);
}

void Heads::StoreElement(const Indices& row, Value* d, Value* value) {
  Indices to = row;
  to[dim_.name] = d;
  if (has(EpilogueStep::kAppend)) {
    const int state = operand(EpilogueStep::kAppend);
    const size_t named = spec_.attrs.axes.size() - 2;
    for (int i = 0; i < 2; ++i) {
      to[spec_.attrs.axes[named + static_cast<size_t>(i)]] =
          LoadIndexAt(e_, spec_.operands[state + 1 + i], e_.Buffer(state + 1 + i), row);
    }
    Value*& position = to[spec_.attrs.axes.back()];
    position = CellOf(e_, spec_, position);
  }
  const TensorSpec& out = spec_.result;
  e_.Store(e_.Address(e_.Buffer(static_cast<int>(spec_.operands.size())),
                      ElementOffset(e_, out, to), out.dtype),
           out.dtype, value);
}

void Heads::Finish(const Indices& row, Value* sums) {
  sums_ = sums;
  if (has(EpilogueStep::kNorm)) inverse_ = Inverse();
  const auto store = [&](Value* d, Value* value) { StoreElement(row, d, value); };
  int64_t turned = 0;
  if (has(EpilogueStep::kRope)) turned = StoreTurned(row, store);
  const Integer first = Integer(e_, e_.Lane()) + turned;
  e_.Loop(first, e_.Const(dims_), kWarpThreads, [&](Value* d) { store(d, At(d)); });
}

int64_t Heads::StoreTurned(const Indices& row, const std::function<void(Value*, Value*)>& store) {
  const int cos = operand(EpilogueStep::kRope);
  const ir::Axis pairs = spec_.operands[cos].axes.back().axis;
  const int64_t half = pairs.extent.value;
  e_.Loop(e_.Lane(), e_.Const(half), kWarpThreads, [&](Value* i) {
    Indices at = row;
    at[pairs.name] = i;
    const auto table = [&](int number) {
      const TensorSpec& tensor = spec_.operands[number];
      return e_.Load(e_.Address(e_.Buffer(number), e_.Offset(tensor.axes, at), tensor.dtype),
                     tensor.dtype, 1);
    };
    Value* partner = Integer(e_, i) + half;
    const Rotated turned = Rotate(e_, {At(i), At(partner)}, table(cos), table(cos + 1));
    store(i, turned.lo);
    store(partner, turned.hi);
  });
  return 2 * half;
}

}  // namespace lluda::codegen::gpu
