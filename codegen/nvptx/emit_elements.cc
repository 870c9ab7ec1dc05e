// Ops whose elements are computed one by one: those of codegen/emit/elements.h, with one lane.
#include "codegen/emit/elements.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"

namespace lluda::codegen::gpu {

absl::StatusOr<KernelInfo> EmitElements(const KernelSpec& spec, GpuEmitter& e) {
  absl::Status checked = CheckElementwise(spec);
  if (!checked.ok()) return checked;
  const TensorSpec& out = spec.result;
  const int result = static_cast<int>(spec.operands.size());
  e.ForElements(out.PlainAxes(), [&](const Indices& indices) {
    Value* to = e.Address(e.Buffer(result), e.Offset(out.axes, indices), out.dtype);
    e.Store(to, out.dtype, ElementsOf(spec, e, indices, 1));
  });
  return ElementsInfo(out.PlainAxes());
}

absl::StatusOr<KernelInfo> EmitLiteral(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& out = spec.result;
  llvm::Constant* values = llvm::ConstantDataArray::get(e.context(), spec.attrs.values);
  auto* table = new llvm::GlobalVariable(*e.function()->getParent(), values->getType(),
                                         /*isConstant=*/true, llvm::GlobalValue::InternalLinkage,
                                         values, "values");
  e.ForElements(out.PlainAxes(), [&](const Indices& indices) {
    Value* i = indices.at(out.axes[0].axis.name);
    Value* value = e.Load(e.Address(table, i, ir::DType::kF32), ir::DType::kF32, 1);
    e.Store(e.Address(e.Buffer(0), i, out.dtype), out.dtype, value);
  });
  return ElementsInfo(out.PlainAxes());
}

// A thread writes a pair, or an element behind the pairs.
absl::StatusOr<KernelInfo> EmitRope(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& x = spec.operands[0];
  const TensorSpec& out = spec.result;
  const std::string& dim = spec.attrs.axes[0];
  ir::Axis pairs;
  for (const ir::StridedAxis& strided : spec.operands[1].axes) {
    if (x.Find(strided.axis.name) == nullptr) pairs = strided.axis;
  }
  const int64_t half = pairs.extent.value;
  const int64_t rest = x.Find(dim)->axis.extent.value - 2 * half;
  std::vector<ir::Axis> axes = AxesWithout(out, dim);
  axes.push_back({pairs.name, ir::Extent::Constant(half + rest)});
  auto& b = e.b();
  const auto load = [&](int operand, const Indices& indices) {
    const TensorSpec& tensor = spec.operands[operand];
    return e.Load(e.Address(e.Buffer(operand), e.Offset(tensor.axes, indices), tensor.dtype),
                  tensor.dtype, 1);
  };
  const auto store = [&](const Indices& indices, Value* value) {
    e.Store(e.Address(e.Buffer(3), e.Offset(out.axes, indices), out.dtype), out.dtype, value);
  };
  e.ForElements(axes, [&](Indices indices) {
    Value* i = indices.at(pairs.name);
    e.If(
        b.CreateICmpSLT(i, e.Const(half)),
        [&] {
          Indices lo = indices, hi = indices;
          lo[dim] = i;
          hi[dim] = b.CreateAdd(i, e.Const(half));
          const Rotated turned =
              Rotate(e, {load(0, lo), load(0, hi)}, load(1, indices), load(2, indices));
          store(lo, turned.lo);
          store(hi, turned.hi);
        },
        [&] {
          Indices behind = indices;
          behind[dim] = b.CreateAdd(i, e.Const(half));
          store(behind, load(0, behind));
        });
  });
  return ElementsInfo(axes);
}

}  // namespace lluda::codegen::gpu
