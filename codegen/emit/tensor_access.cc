#include "codegen/emit/tensor_access.h"

#include "codegen/emit/integer.h"
#include "ir/type/layout.h"

namespace lluda::codegen {
Value* CellOf(Emitter& e, const KernelSpec& spec, Value* position) {
  if (!spec.ring) return position;
  return e.b().CreateURem(position, e.ExtentValue(*spec.ring));
}

const ir::Axis& PanelRowAxis(const TensorSpec& tensor) {
  return tensor.axes[ir::PanelAxesOf(tensor.layout, tensor.PlainAxes()).row].axis;
}

Value* ElementOffset(Emitter& e, const TensorSpec& tensor, const Indices& indices) {
  if (!tensor.layout.is_panel()) return e.Offset(tensor.axes, indices);
  const auto index = [&](size_t i) {
    const auto it = indices.find(tensor.axes[i].axis.name);
    return Integer(e, it != indices.end() ? it->second : e.Const(0));
  };
  const auto extent = [&](size_t i) {
    return Integer(e, e.ExtentValue(tensor.axes[i].axis.extent));
  };
  const ir::PanelAxes panel = ir::PanelAxesOf(tensor.layout, tensor.PlainAxes());
  return ir::PanelOffset<Integer>(tensor.layout, panel, tensor.axes.size(), index, extent);
}

Value* LoadAlong(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first,
                 absl::string_view axis, Value* i, int lanes) {
  if (IsContiguous(tensor, axis)) {
    return e.Load(e.Address(buffer, Integer(e, first) + i, tensor.dtype), tensor.dtype, lanes);
  }
  Value* stride = e.StrideValue(tensor.Find(axis)->stride);
  return e.LoadStrided(buffer, Integer(e, first) + Integer(e, i) * stride, stride, tensor.dtype,
                       lanes);
}

Value* LoadIndexAt(Emitter& e, const TensorSpec& tensor, Value* buffer, const Indices& indices) {
  return e.LoadIndex(e.Address(buffer, e.Offset(tensor.axes, indices), tensor.dtype), tensor.dtype);
}

std::vector<ir::Axis> LeadingAxes(const TensorSpec& tensor) {
  std::vector<ir::Axis> axes = tensor.PlainAxes();
  if (!axes.empty()) axes.pop_back();
  return axes;
}

std::vector<ir::Axis> AxesWithout(const TensorSpec& tensor, absl::string_view name) {
  std::vector<ir::Axis> axes;
  for (const ir::StridedAxis& strided : tensor.axes) {
    if (strided.axis.name != name) axes.push_back(strided.axis);
  }
  return axes;
}

bool IsContiguous(const TensorSpec& tensor, absl::string_view axis) {
  const ir::StridedAxis* strided = tensor.Find(axis);
  return !tensor.layout.is_panel() && strided != nullptr &&
         (strided->stride.IsConstant(1) || strided->axis.extent == ir::Extent::Constant(1));
}

}  // namespace lluda::codegen
