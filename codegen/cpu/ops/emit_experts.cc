// Which experts a token takes (top_k), in which order their rows are computed (order), and the sum of
// what they computed (combine). Each item looks at its own token's data, but for those of order, which
// count.
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/emit/top_key.h"

namespace lluda::codegen {
namespace {

// Elements of a row that an item of combine adds.
constexpr int64_t kCombinedElements = 256;

void StoreI32(Emitter& e, Value* address, Value* value) {
  auto& b = e.b();
  b.CreateAlignedStore(b.CreateTrunc(value, b.getInt32Ty()), address, llvm::Align(4));
}

}  // namespace

// The largest key, then the largest below that, and so on.
absl::StatusOr<KernelInfo> EmitTopK(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (x.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  const ir::Axis from = x.Find(spec.attrs.axes[0])->axis;
  const ir::Axis top = spec.attrs.result_axes[0];
  KernelInfo info;
  info.work_axes = AxesWithout(x, from.name);
  info.item_cost = from.extent.value * top.extent.value + 5;
  e.ForRows(info.work_axes, [&](const Indices& indices) {
    auto& b = e.b();
    Value* smallest = e.Const(std::numeric_limits<int64_t>::min());
    Value* largest = e.Const(std::numeric_limits<int64_t>::max());
    e.Loop(e.Const(0), e.Const(top.extent.value), 1, {largest},
           [&](Value* place, const Emitter::Carried& before) {
             Value* key = e.Loop(
                 e.Const(0), e.Const(from.extent.value), 1, {smallest},
                 [&](Value* i, const Emitter::Carried& found) {
                   Indices at = indices;
                   at[from.name] = i;
                   Value* element =
                       e.Load(e.Address(e.Buffer(0), e.Offset(x.axes, at), x.dtype), x.dtype, 1);
                   Value* own = TopKey(e, element, i);
                   Value* left = b.CreateSelect(b.CreateICmpSLT(own, before[0]), own, smallest);
                   return Emitter::Carried{e.Most(found[0], left)};
                 })[0];
             Indices to = indices;
             to[top.name] = place;
             StoreI32(e, e.Address(e.Buffer(1), e.Offset(spec.result.axes, to), spec.result.dtype),
                      IndexOfTopKey(e, key));
             return Emitter::Carried{key};
           });
  });
  return info;
}

// An element's place among all is the number of those that come before it, which each item counts for
// one element: no item waits for another one, and nothing but the result is written.
absl::StatusOr<KernelInfo> EmitOrder(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (x.dtype != ir::DType::kI32) return NoKernel(spec, "the integers are not i32");
  for (size_t i = 0; i < x.axes.size(); ++i) {
    if (!(x.axes[i].stride == spec.result.axes[i].stride)) return NoKernel(spec, "x is strided");
  }
  auto& b = e.b();
  KernelInfo info;
  info.work_axes = x.PlainAxes();
  Integer count(e, e.Const(1));
  for (const ir::Axis& axis : info.work_axes) {
    count = count * e.ExtentValue(axis.extent);
    if (axis.extent.is_constant()) {
      info.item_cost *= axis.extent.value;
    } else {
      info.cost_symbol = axis.extent.symbol;
    }
  }
  info.item_cost = info.item_cost / 8 + 1;
  Value* whole = count - count % kLanes;
  Value* lanes = llvm::PoisonValue::get(e.Int(32, kLanes));
  for (int i = 0; i < kLanes; ++i) {
    lanes = b.CreateInsertElement(lanes, b.getInt32(static_cast<uint32_t>(i)),
                                  static_cast<uint64_t>(i));
  }
  e.ForItems([&](Value* place) {
    const auto load = [&](Value* at, int width) {
      return b.CreateAlignedLoad(e.Int(32, width), e.Address(e.Buffer(0), at, x.dtype),
                                 llvm::Align(4));
    };
    Value* own = load(place, 1);
    // How many of the elements at `places` come before the one at `place`, as integers of 0 or 1.
    const auto before = [&](Value* at, Value* places, int width) {
      Value* other = load(at, width);
      Value* mine = e.Splat(own, width);
      Value* here = e.Splat(b.CreateTrunc(place, b.getInt32Ty()), width);
      Value* tied = b.CreateAnd(b.CreateICmpEQ(other, mine), b.CreateICmpSLT(places, here));
      return b.CreateZExt(b.CreateOr(b.CreateICmpSLT(other, mine), tied), e.Int(32, width));
    };
    Value* sums =
        e.Loop(e.Const(0), whole, kLanes, {e.ConstInt(0, 32, kLanes)},
               [&](Value* at, const Emitter::Carried& carried) {
                 Value* first = b.CreateTrunc(at, b.getInt32Ty());
                 Value* places = b.CreateAdd(e.Splat(first, kLanes), lanes);
                 return Emitter::Carried{b.CreateAdd(carried[0], before(at, places, kLanes))};
               })[0];
    Value* rank = e.Loop(whole, count, 1, {b.CreateAddReduce(sums)},
                         [&](Value* at, const Emitter::Carried& carried) {
                           Value* places = b.CreateTrunc(at, b.getInt32Ty());
                           return Emitter::Carried{b.CreateAdd(carried[0], before(at, places, 1))};
                         })[0];
    Value* to = b.CreateSExt(rank, b.getInt64Ty());
    StoreI32(e, e.Address(e.Buffer(1), to, spec.result.dtype), place);
  });
  return info;
}

absl::StatusOr<KernelInfo> EmitCombine(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (spec.result.axes.empty()) return NoKernel(spec, "the result has no axis");
  for (const TensorSpec& operand : spec.operands) {
    if (operand.layout.is_panel()) return NoKernel(spec, "an operand is in panels");
  }
  const ir::Axis top = x.Find(spec.attrs.axes[0])->axis;
  const ir::Axis last = spec.result.axes.back().axis;
  if (!IsContiguous(spec.result, last.name)) return NoKernel(spec, "the result is strided");
  const int result = static_cast<int>(spec.operands.size());
  const auto along = [&](int operand, const Indices& row, Value* i, int lanes) {
    const TensorSpec& tensor = spec.operands[operand];
    Value* first = e.Offset(tensor.axes, row);
    if (tensor.Find(last.name) != nullptr) {
      return LoadAlong(e, tensor, e.Buffer(operand), first, last.name, i, lanes);
    }
    return e.Splat(e.Load(e.Address(e.Buffer(operand), first, tensor.dtype), tensor.dtype, 1),
                   lanes);
  };
  const auto emit = [&](const Indices& row, Value* i, int lanes) {
    Value* sum = e.Loop(e.Const(0), e.ExtentValue(top.extent), 1, {e.ConstF32(0.0f, lanes)},
                        [&](Value* rank, const Emitter::Carried& carried) {
                          Indices at = row;
                          at[top.name] = rank;
                          return Emitter::Carried{
                              e.MulAdd(along(0, at, i, lanes), along(1, at, i, lanes), carried[0])};
                        })[0];
    if (result > 2) sum = e.b().CreateFAdd(along(2, row, i, lanes), sum);
    const Integer to = Integer(e, e.Offset(spec.result.axes, row)) + i;
    e.Store(e.Address(e.Buffer(result), to, spec.result.dtype), spec.result.dtype, sum);
  };
  KernelInfo info;
  const int64_t ranks = top.extent.is_constant() ? top.extent.value : 1;
  const bool cut = last.extent.is_constant() && last.extent.value % kCombinedElements == 0;
  if (cut) {
    info.work_axes = spec.result.PlainAxes();
    info.item_rows = kCombinedElements;
    info.item_cost = kCombinedElements / kLanes * ranks + 5;
    e.ForRows(
        info.work_axes,
        [&](Indices row) {
          Value* begin = row.at(last.name);
          row.erase(last.name);
          e.Loop(begin, Integer(e, begin) + kCombinedElements, kLanes,
                 [&](Value* i) { emit(row, i, kLanes); });
        },
        kCombinedElements);
    return info;
  }
  info.work_axes = LeadingAxes(spec.result);
  info.item_cost = last.extent.is_constant() ? last.extent.value / kLanes * ranks + 5 : ranks;
  info.cost_symbol = last.extent.symbol;
  e.ForRows(info.work_axes, [&](const Indices& row) {
    e.ForLanes(last.extent, [&](Value* i, int lanes) { emit(row, i, lanes); });
  });
  return info;
}

}  // namespace lluda::codegen
