#include "codegen/kernel.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lluda::codegen {
namespace {

struct EmitRow {
  ir::Opcode opcode;
  EmitFn emit;
};
constexpr EmitRow kEmitters[] = {
    {ir::Opcode::kAdd, EmitElementwise},
    {ir::Opcode::kAppend, EmitAppend},
    {ir::Opcode::kAttention, EmitAttention},
    {ir::Opcode::kCast, EmitElementwise},
    {ir::Opcode::kCausalMask, EmitElementwise},
    {ir::Opcode::kConcat, EmitConcat},
    {ir::Opcode::kCos, EmitElementwise},
    {ir::Opcode::kDiv, EmitElementwise},
    {ir::Opcode::kExp, EmitElementwise},
    {ir::Opcode::kGather, EmitGather},
    {ir::Opcode::kIota, EmitElementwise},
    {ir::Opcode::kMatmul, EmitMatmul},
    {ir::Opcode::kMerge, EmitCopy},
    {ir::Opcode::kMul, EmitElementwise},
    {ir::Opcode::kPack, EmitPack},
    {ir::Opcode::kPermute, EmitCopy},
    {ir::Opcode::kPower, EmitElementwise},
    {ir::Opcode::kQuantize, EmitElementwise},
    {ir::Opcode::kQuantizeScale, EmitQuantizeScale},
    {ir::Opcode::kReciprocal, EmitElementwise},
    {ir::Opcode::kReduceMax, EmitReduce},
    {ir::Opcode::kReduceSum, EmitReduce},
    {ir::Opcode::kRmsnorm, EmitRmsnorm},
    {ir::Opcode::kRope, EmitRope},
    {ir::Opcode::kScale, EmitElementwise},
    {ir::Opcode::kSilu, EmitElementwise},
    {ir::Opcode::kSin, EmitElementwise},
    {ir::Opcode::kSlice, EmitCopy},
    {ir::Opcode::kSoftmax, EmitSoftmax},
    {ir::Opcode::kSplit, EmitCopy},
    {ir::Opcode::kSub, EmitElementwise},
};

}  // namespace

absl::Status NoKernel(const KernelSpec& spec, absl::string_view reason) {
  return absl::UnimplementedError(absl::StrCat("no kernel for ", KeyOf(spec), ": ", reason));
}

absl::StatusOr<KernelInfo> EmitKernel(const KernelSpec& spec, const Target& target,
                                      const std::vector<std::string>& symbols,
                                      const std::string& name, llvm::Module* module) {
  for (const EmitRow& row : kEmitters) {
    if (row.opcode != spec.opcode) continue;
    Emitter e(module, target, name, symbols);
    absl::StatusOr<KernelInfo> info = row.emit(spec, e);
    if (info.ok()) e.Finish();
    return info;
  }
  return NoKernel(spec, "the op is not computed by a kernel");
}

const ir::Axis& PanelRowAxis(const TensorSpec& tensor) {
  size_t row = tensor.axes.size() - 1;
  if (tensor.axes[row].axis.name == tensor.layout.axis) --row;
  return tensor.axes[row].axis;
}

Value* ElementOffset(Emitter& e, const TensorSpec& tensor, const Indices& indices) {
  if (!tensor.layout.is_panel()) return e.Offset(tensor.axes, indices);
  auto& b = e.b();
  const ir::Layout& layout = tensor.layout;
  const ir::Axis& row_axis = PanelRowAxis(tensor);
  const auto index_of = [&](const std::string& name) {
    const auto it = indices.find(name);
    return it != indices.end() ? it->second : e.Const(0);
  };
  const auto padded = [&](Value* extent, int64_t multiple) {
    Value* tiles = b.CreateUDiv(b.CreateAdd(extent, e.Const(multiple - 1)), e.Const(multiple));
    return b.CreateMul(tiles, e.Const(multiple));
  };
  Value* depth_total = padded(e.ExtentValue(tensor.Find(layout.axis)->axis.extent), layout.depth);
  Value* row = index_of(row_axis.name);
  Value* k = index_of(layout.axis);
  Value* rows = e.Const(layout.rows);
  Value* depth = e.Const(layout.depth);
  Value* panel = b.CreateUDiv(row, rows);
  Value* offset = b.CreateMul(panel, b.CreateMul(rows, depth_total));
  offset =
      b.CreateAdd(offset, b.CreateMul(b.CreateUDiv(k, depth), e.Const(layout.rows * layout.depth)));
  offset = b.CreateAdd(offset, b.CreateMul(b.CreateURem(row, rows), depth));
  offset = b.CreateAdd(offset, b.CreateURem(k, depth));
  // The axes outside a panel matrix, innermost first.
  Value* stride = b.CreateMul(padded(e.ExtentValue(row_axis.extent), layout.rows), depth_total);
  for (auto it = tensor.axes.rbegin(); it != tensor.axes.rend(); ++it) {
    if (it->axis.name == layout.axis || it->axis.name == row_axis.name) continue;
    offset = b.CreateAdd(offset, b.CreateMul(index_of(it->axis.name), stride));
    stride = b.CreateMul(stride, e.ExtentValue(it->axis.extent));
  }
  return offset;
}

Value* LoadAlong(Emitter& e, const TensorSpec& tensor, Value* buffer, Value* first,
                 absl::string_view axis, Value* i, int lanes) {
  if (IsContiguous(tensor, axis)) {
    return e.Load(e.Address(buffer, e.b().CreateAdd(first, i), tensor.dtype), tensor.dtype, lanes);
  }
  Value* stride = e.StrideValue(tensor.Find(axis)->stride);
  return e.LoadStrided(buffer, e.b().CreateAdd(first, e.b().CreateMul(i, stride)), stride,
                       tensor.dtype, lanes);
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
