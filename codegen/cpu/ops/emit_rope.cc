// Rotary position embedding, half-split style: the pair (x[i], x[i + dim / 2]) is turned by the
// angle whose cosine and sine stand in the tables. Where these have fewer pairs than a head has halves,
// dim is twice the pairs, and what lies behind is copied. Source: Su et al., RoFormer, in the layout of
// GPT-NeoX.
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/row_math.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {

absl::StatusOr<KernelInfo> EmitRope(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& x = spec.operands[0];
  const TensorSpec& cos = spec.operands[1];
  const TensorSpec& sin = spec.operands[2];
  const TensorSpec& out = spec.result;
  const std::string& dim = spec.attrs.axes[0];
  if (!IsContiguous(x, dim) || !IsContiguous(out, dim)) {
    return NoKernel(spec, "the rotated axis is strided");
  }
  ir::Axis pairs;
  for (const ir::StridedAxis& strided : cos.axes) {
    if (x.Find(strided.axis.name) == nullptr) pairs = strided.axis;
  }
  const std::string& pair = pairs.name;
  const int64_t half = pairs.extent.value;
  const int64_t rest = x.Find(dim)->axis.extent.value - 2 * half;
  if (!IsContiguous(cos, pair) || !IsContiguous(sin, pair)) {
    return NoKernel(spec, "a table is strided");
  }
  auto& b = e.b();
  const std::vector<ir::Axis> rows = AxesWithout(out, dim);
  e.ForRows(rows, [&](const Indices& indices) {
    Value* x_first = e.Offset(x.axes, indices);
    Value* cos_first = e.Offset(cos.axes, indices);
    Value* sin_first = e.Offset(sin.axes, indices);
    Value* out_first = e.Offset(out.axes, indices);
    const auto load = [&](int buffer, const TensorSpec& tensor, Value* at, int lanes) {
      return e.Load(e.Address(e.Buffer(buffer), at, tensor.dtype), tensor.dtype, lanes);
    };
    e.ForLanes(ir::Extent::Constant(half), [&](Value* i, int lanes) {
      Value* lo = load(0, x, b.CreateAdd(x_first, i), lanes);
      Value* hi = load(0, x, b.CreateAdd(b.CreateAdd(x_first, i), e.Const(half)), lanes);
      Value* c = load(1, cos, b.CreateAdd(cos_first, i), lanes);
      Value* s = load(2, sin, b.CreateAdd(sin_first, i), lanes);
      const Rotated turned = Rotate(e, {lo, hi}, c, s);
      Value* at = b.CreateAdd(out_first, i);
      e.Store(e.Address(e.Buffer(3), at, out.dtype), out.dtype, turned.lo);
      e.Store(e.Address(e.Buffer(3), b.CreateAdd(at, e.Const(half)), out.dtype), out.dtype,
              turned.hi);
    });
    if (rest == 0) return;
    e.ForLanes(ir::Extent::Constant(rest), [&](Value* i, int lanes) {
      Value* behind = b.CreateAdd(i, e.Const(2 * half));
      e.Store(e.Address(e.Buffer(3), b.CreateAdd(out_first, behind), out.dtype), out.dtype,
              load(0, x, b.CreateAdd(x_first, behind), lanes));
    });
  });
  KernelInfo info;
  info.work_axes = rows;
  info.item_cost = half / 8 + 5;
  return info;
}

}  // namespace lluda::codegen
