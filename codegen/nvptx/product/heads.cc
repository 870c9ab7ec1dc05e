#include "codegen/nvptx/product/heads.h"

#include <functional>

#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen::gpu {

using ir::EpilogueStep;
using runtime::kWarpThreads;

Heads::Heads(const KernelSpec& spec, GpuEmitter& e)
    : spec_(spec),
      e_(e),
      heads_(spec.attrs.result_axes.begin(), spec.attrs.result_axes.end() - 1),
      dim_(spec.attrs.result_axes.back()),
      dims_(dim_.extent.value),
      turned_(has(EpilogueStep::kRope)
                  ? 2 * spec.operands[operand(EpilogueStep::kRope)].axes.back().axis.extent.value
                  : 0) {}

Indices Heads::RowOf(Indices row, Value* head) const {
  const Indices own = e_.IndicesOf(heads_, head, 1);
  row.insert(own.begin(), own.end());
  return row;
}

Indices Heads::PlaceOf(const Indices& row) {
  Indices to = row;
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
  return to;
}

void Heads::Store(const Indices& to, Value* d, Value* value) {
  const TensorSpec& out = spec_.result;
  Indices at = to;
  at[dim_.name] = d;
  e_.Store(e_.Address(e_.Buffer(static_cast<int>(spec_.operands.size())),
                      ElementOffset(e_, out, at), out.dtype),
           out.dtype, value);
}

void Heads::StoreElement(const Indices& row, Value* d, Value* value) {
  Store(PlaceOf(row), d, value);
}

Value* Heads::Normalised(Value* sum, Value* d, Value* inverse) {
  if (!has(EpilogueStep::kNorm)) return sum;
  const int norm = operand(EpilogueStep::kNorm);
  const TensorSpec& weight = spec_.operands[norm];
  Value* at = e_.Offset(weight.axes, {{weight.axes[0].axis.name, d}});
  Value* factor = e_.Load(e_.Address(e_.Buffer(norm), at, weight.dtype), weight.dtype, 1);
  return e_.b().CreateFMul(e_.b().CreateFMul(sum, inverse), factor);
}

Rotated Heads::Turned(const Indices& row, Value* pair, const Rotated& elements) {
  const int cos = operand(EpilogueStep::kRope);
  Indices at = row;
  at[spec_.operands[cos].axes.back().axis.name] = pair;
  const auto table = [&](int number) {
    const TensorSpec& tensor = spec_.operands[number];
    return e_.Load(e_.Address(e_.Buffer(number), e_.Offset(tensor.axes, at), tensor.dtype),
                   tensor.dtype, 1);
  };
  return Rotate(e_, elements, table(cos), table(cos + 1));
}

Heads::Ended Heads::End(const Head& head) {
  auto& b = e_.b();
  Ended ended;
  ended.to = PlaceOf(head.row);
  const auto all = static_cast<size_t>(dims_ / kWarpThreads);
  const auto half = static_cast<size_t>(turned_ / 2 / kWarpThreads);
  for (size_t i = 0; i < all; ++i) {
    ended.dims.push_back(Integer(e_, e_.Lane()) + static_cast<int64_t>(i) * kWarpThreads);
    ended.values.push_back(
        e_.Load(e_.Address(head.sums, ended.dims[i], ir::DType::kF32), ir::DType::kF32, 1));
  }
  Value* inverse = nullptr;
  if (has(EpilogueStep::kNorm)) {
    Value* squares = e_.ConstF32(0.0f, 1);
    for (Value* x : ended.values) squares = b.CreateFAdd(squares, b.CreateFMul(x, x));
    inverse = InverseRootMeanSquare(e_, e_.WarpSum(squares), dims_, *spec_.attrs.eps);
  }
  for (size_t i = 0; i < all; ++i) {
    ended.values[i] = Normalised(ended.values[i], ended.dims[i], inverse);
  }
  for (size_t i = 0; i < half; ++i) {
    const Rotated turned =
        Turned(head.row, ended.dims[i], {ended.values[i], ended.values[half + i]});
    ended.values[i] = turned.lo;
    ended.values[half + i] = turned.hi;
  }
  return ended;
}

void Heads::Finish(const std::vector<Head>& heads) {
  const auto where_there = [&](const Head& head, const std::function<void()>& body) {
    if (head.there == nullptr) return body();
    e_.If(head.there, body);
  };
  if (dims_ % kWarpThreads != 0 || turned_ % (2 * kWarpThreads) != 0) {
    for (const Head& head : heads) {
      where_there(head, [&] { FinishByElements(head.row, head.sums); });
    }
    return;
  }
  std::vector<Ended> ended;
  for (const Head& head : heads) ended.push_back(End(head));
  for (size_t i = 0; i < heads.size(); ++i) {
    where_there(heads[i], [&] {
      for (size_t n = 0; n < ended[i].dims.size(); ++n) {
        Store(ended[i].to, ended[i].dims[n], ended[i].values[n]);
      }
    });
  }
}

void Heads::FinishByElements(const Indices& row, Value* sums) {
  auto& b = e_.b();
  const auto sum_at = [&](Value* d) {
    return e_.Load(e_.Address(sums, d, ir::DType::kF32), ir::DType::kF32, 1);
  };
  Value* inverse = nullptr;
  if (has(EpilogueStep::kNorm)) {
    Value* own = e_.ForLanesOfWarp(
        e_.Const(dims_), {e_.ConstF32(0.0f, 1)}, [&](Value* d, const Emitter::Carried& sum) {
          Value* x = sum_at(d);
          return Emitter::Carried{b.CreateFAdd(sum[0], b.CreateFMul(x, x))};
        })[0];
    inverse = InverseRootMeanSquare(e_, e_.WarpSum(own), dims_, *spec_.attrs.eps);
  }
  const auto normalised = [&](Value* d) { return Normalised(sum_at(d), d, inverse); };
  const Indices to = PlaceOf(row);
  if (turned_ > 0) {
    e_.Loop(e_.Lane(), e_.Const(turned_ / 2), kWarpThreads, [&](Value* i) {
      Value* partner = Integer(e_, i) + turned_ / 2;
      const Rotated turned = Turned(row, i, {normalised(i), normalised(partner)});
      Store(to, i, turned.lo);
      Store(to, partner, turned.hi);
    });
  }
  const Integer first = Integer(e_, e_.Lane()) + turned_;
  e_.Loop(first, e_.Const(dims_), kWarpThreads, [&](Value* d) { Store(to, d, normalised(d)); });
}

}  // namespace lluda::codegen::gpu
