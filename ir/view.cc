#include "ir/view.h"

#include <algorithm>

namespace lluda::ir {
namespace {

Stride Times(Stride stride, const Extent& extent) {
  if (extent.is_constant()) {
    stride.factor *= extent.value;
  } else {
    stride.symbols.insert(
        std::upper_bound(stride.symbols.begin(), stride.symbols.end(), extent.symbol),
        extent.symbol);
  }
  return stride;
}

// Replaces axes[at] by `parts`, which subdivide it row-major.
void Subdivide(std::vector<StridedAxis>* axes, size_t at, const std::vector<Axis>& parts) {
  std::vector<StridedAxis> strided;
  Stride stride = (*axes)[at].stride;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    strided.insert(strided.begin(), {*part, stride});
    stride = Times(stride, part->extent);
  }
  axes->erase(axes->begin() + at);
  axes->insert(axes->begin() + at, strided.begin(), strided.end());
}

size_t IndexOf(const std::vector<StridedAxis>& axes, absl::string_view name) {
  size_t i = 0;
  while (axes[i].axis.name != name) ++i;
  return i;
}

void ApplySplit(const Op& op, Access* access) {
  Subdivide(&access->axes, IndexOf(access->axes, op.attrs.axes[0]), op.attrs.result_axes);
}

void ApplySlice(const Op& op, Access* access) {
  const size_t at = IndexOf(access->axes, op.attrs.axes[0]);
  access->offset += op.attrs.begin * access->axes[at].stride.factor;
  Subdivide(&access->axes, at, op.attrs.result_axes);
}

void ApplyMerge(const Op& op, Access* access) {
  const size_t at = IndexOf(access->axes, op.attrs.axes[0]);
  const size_t count = op.attrs.axes.size();
  const StridedAxis merged{op.attrs.result_axes[0], access->axes[at + count - 1].stride};
  access->axes.erase(access->axes.begin() + at, access->axes.begin() + at + count);
  access->axes.insert(access->axes.begin() + at, merged);
}

void ApplyPermute(const Op& op, Access* access) {
  std::vector<StridedAxis> permuted;
  for (const std::string& name : op.attrs.axes) {
    permuted.push_back(access->axes[IndexOf(access->axes, name)]);
  }
  access->axes = std::move(permuted);
}

// Neighbouring windows are a stride of elements apart, and may overlap.
void ApplyWindow(const Op& op, Access* access) {
  const size_t at = IndexOf(access->axes, op.attrs.axes[0]);
  const Stride element = access->axes[at].stride;
  Stride window = element;
  window.factor *= *op.attrs.stride;
  access->axes[at] = {op.attrs.result_axes[0], window};
  access->axes.insert(access->axes.begin() + static_cast<int64_t>(at) + 1,
                      {op.attrs.result_axes[1], element});
}

struct ViewRow {
  Opcode opcode;
  void (*apply)(const Op& op, Access* access);
};
constexpr ViewRow kViews[] = {
    {Opcode::kMerge, ApplyMerge}, {Opcode::kPermute, ApplyPermute}, {Opcode::kSlice, ApplySlice},
    {Opcode::kSplit, ApplySplit}, {Opcode::kWindow, ApplyWindow},
};

const ViewRow* FindView(Opcode opcode) {
  for (const ViewRow& row : kViews) {
    if (row.opcode == opcode) return &row;
  }
  return nullptr;
}

}  // namespace

const StridedAxis* Access::Find(absl::string_view axis) const {
  for (const StridedAxis& strided : axes) {
    if (strided.axis.name == axis) return &strided;
  }
  return nullptr;
}

std::vector<StridedAxis> RowMajorAxes(const Type& type) {
  std::vector<StridedAxis> axes;
  Stride stride{1, {}};
  for (auto axis = type.axes.rbegin(); axis != type.axes.rend(); ++axis) {
    axes.insert(axes.begin(), {*axis, stride});
    stride = Times(stride, axis->extent);
  }
  return axes;
}

bool CouldBeView(Opcode opcode) { return FindView(opcode) != nullptr; }

bool IsView(const Op& op) {
  if (FindView(op.opcode()) == nullptr || op.result() == nullptr) return false;
  const Access access = ResolveAccess(op.operand(0));
  if (access.layout.is_panel()) return false;
  if (op.opcode() == Opcode::kSlice) {
    return access.Find(op.attrs.axes[0])->stride.symbols.empty();
  }
  if (op.opcode() != Opcode::kMerge) return true;
  const size_t at = IndexOf(access.axes, op.attrs.axes[0]);
  for (size_t i = at; i + 1 < at + op.attrs.axes.size(); ++i) {
    const StridedAxis& inner = access.axes[i + 1];
    if (!(access.axes[i].stride == Times(inner.stride, inner.axis.extent))) return false;
  }
  return true;
}

Access ResolveAccess(const Operand& operand) {
  Op* def = operand.value != nullptr ? operand.value->def() : nullptr;
  if (def != nullptr && IsView(*def)) {
    Access access = ResolveAccess(def->operand(0));
    FindView(def->opcode())->apply(*def, &access);
    return access;
  }
  const Type& type = operand.type();
  return {operand, type.dtype, type.layout, 0, RowMajorAxes(type)};
}

}  // namespace lluda::ir
