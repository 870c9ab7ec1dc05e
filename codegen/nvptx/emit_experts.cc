// Which experts a token takes (top_k), in which order their rows are computed (order), and the sum of
// what they computed (combine). A thread for each token, place or element.
#include <cstdint>
#include <limits>

#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/emit/top_key.h"
#include "codegen/nvptx/emit_gpu.h"

namespace lluda::codegen::gpu {
namespace {

void StoreI32(GpuEmitter& e, Value* address, Value* value) {
  e.b().CreateAlignedStore(e.b().CreateTrunc(value, e.Int(32, 1)), address, llvm::Align(4));
}

}  // namespace

// The largest key, then the largest below that, and so on.
absl::StatusOr<KernelInfo> EmitTopK(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (x.layout.is_panel()) return NoKernel(spec, "the operand is in panels");
  auto& b = e.b();
  const ir::Axis from = x.Find(spec.attrs.axes[0])->axis;
  const ir::Axis top = spec.attrs.result_axes[0];
  const std::vector<ir::Axis> rows = AxesWithout(x, from.name);
  e.ForElements(rows, [&](const Indices& indices) {
    Value* smallest = e.Const(std::numeric_limits<int64_t>::min());
    const auto next_below = [&](Value* before) {
      return e.Loop(
          e.Const(0), e.Const(from.extent.value), 1, {smallest},
          [&](Value* i, const Emitter::Carried& found) {
            Indices at = indices;
            at[from.name] = i;
            Value* own = TopKey(
                e, e.Load(e.Address(e.Buffer(0), e.Offset(x.axes, at), x.dtype), x.dtype, 1), i);
            Value* left = b.CreateSelect(b.CreateICmpSLT(own, before), own, smallest);
            return Emitter::Carried{e.Most(found[0], left)};
          })[0];
    };
    e.Loop(e.Const(0), e.Const(top.extent.value), 1, {e.Const(std::numeric_limits<int64_t>::max())},
           [&](Value* place, const Emitter::Carried& before) {
             Value* key = next_below(before[0]);
             Indices to = indices;
             to[top.name] = place;
             StoreI32(e, e.Address(e.Buffer(1), e.Offset(spec.result.axes, to), spec.result.dtype),
                      IndexOfTopKey(e, key));
             return Emitter::Carried{key};
           });
  });
  return ElementsInfo(rows);
}

// An element's place among all is the number of those that come before it.
absl::StatusOr<KernelInfo> EmitOrder(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& x = spec.operands[0];
  if (x.dtype != ir::DType::kI32) return NoKernel(spec, "the integers are not i32");
  for (size_t i = 0; i < x.axes.size(); ++i) {
    if (!(x.axes[i].stride == spec.result.axes[i].stride)) return NoKernel(spec, "x is strided");
  }
  auto& b = e.b();
  const std::vector<ir::Axis> axes = x.PlainAxes();
  e.ForElements(axes, [&](const Indices& indices) {
    Value* place = e.Offset(x.axes, indices);
    Integer count(e, e.Const(1));
    for (const ir::Axis& axis : axes) count = count * e.ExtentValue(axis.extent);
    const auto element = [&](Value* at) {
      return e.LoadIndex(e.Address(e.Buffer(0), at, x.dtype), x.dtype);
    };
    Value* own = element(place);
    Value* rank =
        e.Loop(e.Const(0), count, 1, {e.Const(0)}, [&](Value* at, const Emitter::Carried& before) {
          Value* other = element(at);
          Value* tied = b.CreateAnd(b.CreateICmpEQ(other, own), b.CreateICmpSLT(at, place));
          Value* is_before = b.CreateOr(b.CreateICmpSLT(other, own), tied);
          return Emitter::Carried{b.CreateAdd(before[0], b.CreateZExt(is_before, b.getInt64Ty()))};
        })[0];
    StoreI32(e, e.Address(e.Buffer(1), rank, spec.result.dtype), place);
  });
  return ElementsInfo(axes);
}

absl::StatusOr<KernelInfo> EmitCombine(const KernelSpec& spec, GpuEmitter& e) {
  for (const TensorSpec& operand : spec.operands) {
    if (operand.layout.is_panel()) return NoKernel(spec, "an operand is in panels");
  }
  const ir::Axis top = spec.operands[0].Find(spec.attrs.axes[0])->axis;
  const int result = static_cast<int>(spec.operands.size());
  const TensorSpec& out = spec.result;
  e.ForElements(out.PlainAxes(), [&](const Indices& indices) {
    const auto load = [&](int operand, const Indices& at) {
      const TensorSpec& tensor = spec.operands[operand];
      return e.Load(e.Address(e.Buffer(operand), e.Offset(tensor.axes, at), tensor.dtype),
                    tensor.dtype, 1);
    };
    Value* sum = e.Loop(e.Const(0), e.ExtentValue(top.extent), 1, {e.ConstF32(0.0f, 1)},
                        [&](Value* rank, const Emitter::Carried& carried) {
                          Indices at = indices;
                          at[top.name] = rank;
                          return Emitter::Carried{e.MulAdd(load(0, at), load(1, at), carried[0])};
                        })[0];
    if (result > 2) sum = e.b().CreateFAdd(load(2, indices), sum);
    e.Store(e.Address(e.Buffer(result), e.Offset(out.axes, indices), out.dtype), out.dtype, sum);
  });
  return ElementsInfo(out.PlainAxes());
}

}  // namespace lluda::codegen::gpu
