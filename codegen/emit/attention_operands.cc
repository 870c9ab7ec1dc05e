#include "codegen/emit/attention_operands.h"

#include <algorithm>
#include <optional>

#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {
namespace {

Value* IntegerOf(Emitter& e, int buffer, const TensorSpec& tensor, Value* token) {
  Indices indices;
  if (!tensor.axes.empty()) indices[tensor.axes[0].axis.name] = token;
  Value* at = e.Address(e.Buffer(buffer), e.Offset(tensor.axes, indices), tensor.dtype);
  return e.LoadIndex(at, tensor.dtype);
}

}  // namespace

AttentionOperands::AttentionOperands(const KernelSpec& spec)
    : spec(spec),
      q(spec.operands[kQ]),
      k(spec.operands[kK]),
      v(spec.operands[kV]),
      positions(spec.operands[kPositions]),
      slots(spec.operands[kSlots]),
      k_scales(spec.operands.size() > kVScales ? &spec.operands[kKScales] : nullptr),
      v_scales(spec.operands.size() > kVScales ? &spec.operands[kVScales] : nullptr),
      table(spec.operands.size() % 2 == 0 ? &spec.operands.back() : nullptr),
      slot(spec.attrs.axes[0]),
      pos(spec.attrs.axes[1]),
      dim(spec.attrs.axes[2]),
      dims(q.Find(dim)->axis.extent.value) {}

absl::Status AttentionOperands::Check() const {
  const std::optional<ir::PanelShape> panel = PanelShapeOf(k.dtype, ir::DType::kF32);
  if (!panel || !(k.layout == ir::Layout::Panel(panel->rows, panel->depth, dim)) ||
      PanelRowAxis(k).name != pos) {
    return NoKernel(spec, "the K state must be in panels of 16 positions");
  }
  if (!IsContiguous(q, dim) || !IsContiguous(v, dim) || !IsContiguous(spec.result, dim)) {
    return NoKernel(spec, "the head dimension is strided");
  }
  if (has_pages() && !(table->axes[1].stride.IsConstant(1))) {
    return NoKernel(spec, "the pages of a slot are strided");
  }
  if (has_scales() && (!IsContiguous(*k_scales, pos) || !IsContiguous(*v_scales, pos))) {
    return NoKernel(spec, "the scales of neighbouring positions are strided");
  }
  if (QueryAxes().size() > 1) return NoKernel(spec, "more than one axis of query heads");
  if (positions.axes.size() > 1) return NoKernel(spec, "more than one axis of tokens");
  if (spec.attrs.mask != ir::Mask::kCausal) return NoKernel(spec, "only the causal mask");
  if (!(*spec.attrs.scale > 0)) return NoKernel(spec, "the scale is not positive");
  return absl::OkStatus();
}

std::vector<ir::Axis> AttentionOperands::HeadAxes() const {
  std::vector<ir::Axis> axes;
  for (const ir::StridedAxis& strided : k.axes) {
    const std::string& name = strided.axis.name;
    if (name != slot && name != pos && name != dim) axes.push_back(strided.axis);
  }
  return axes;
}

std::vector<ir::Axis> AttentionOperands::QueryAxes() const {
  std::vector<ir::Axis> axes;
  for (const ir::StridedAxis& strided : q.axes) {
    const std::string& name = strided.axis.name;
    if (name != dim && k.Find(name) == nullptr && positions.Find(name) == nullptr) {
      axes.push_back(strided.axis);
    }
  }
  return axes;
}

int64_t AttentionOperands::Group() const {
  return QueryAxes().empty() ? 1 : QueryAxes()[0].extent.value;
}

Value* AttentionOperands::Tokens(Emitter& e) const {
  return has_tokens() ? e.ExtentValue(Token().extent) : e.Const(1);
}

int AttentionOperands::Elements(int64_t d) const {
  return static_cast<int>(std::min<int64_t>(kLanes, dims - d * kLanes));
}

Value* AttentionOperands::LastOf(Emitter& e, Value* token) const {
  return IntegerOf(e, kPositions, positions, token);
}

Value* AttentionOperands::SlotOf(Emitter& e, Value* token) const {
  return IntegerOf(e, kSlots, slots, token);
}

Value* AttentionOperands::FirstOf(Emitter& e, Value* last) const {
  if (!has_window()) return e.Const(0);
  return Integer(e, last) + 1 - e.ExtentValue(*spec.window);
}

AttentionOperands::Units AttentionOperands::UnitsOf(int64_t unit) const {
  if (has_pages()) return {table->axes[1].axis.extent, PagePositions(), 0};
  return {k.Find(pos)->axis.extent, 1, spec.ring ? unit : 0};
}

Value* AttentionOperands::PositionsOf(Emitter& e, const Units& units) const {
  Value* extent = e.ExtentValue(units.extent);
  if (units.positions > 1) return Integer(e, extent) * units.positions;
  return units.more > 0 ? Integer(e, extent) + units.more : extent;
}

Value* AttentionOperands::Place(Emitter& e, Value* number, int64_t unit) const {
  if (!spec.ring) return number;
  Value* units = (Integer(e, PositionsOf(e, UnitsOf(unit))) + (unit - 1)) / unit;
  return e.b().CreateURem(number, units);
}

Value* AttentionOperands::PagesOf(Emitter& e, Value* slot) const {
  const Indices row = {{table->axes[0].axis.name, slot}};
  return e.Address(e.Buffer(table_buffer()), e.Offset(table->axes, row), table->dtype);
}

Indices AttentionOperands::InPage(Emitter& e, const Indices& cached, Value* pages,
                                  Value* position) const {
  const Integer number(e, position);
  Value* at = e.Address(pages, number / PagePositions(), table->dtype);
  Indices indices = cached;
  indices[slot] = e.LoadIndex(at, table->dtype);
  indices[pos] = number % PagePositions();
  return indices;
}

Indices AttentionOperands::RowOf(const Indices& item, Value* token, Value* head) const {
  Indices indices = item;
  if (has_tokens()) indices[Token().name] = token;
  if (!QueryAxes().empty()) indices[QueryAxes()[0].name] = head;
  return indices;
}

}  // namespace lluda::codegen
