#include "codegen/cpu/matmul/matmul_operands.h"

#include <optional>

#include "codegen/cpu/matmul/expert_rows.h"
#include "codegen/cpu/matmul/head_epilogue.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/op/contraction.h"
#include "ir/type/layout.h"

namespace lluda::codegen {
namespace {

// Where an element lies; of one in blocks, the block that begins with it.
Value* ElementAddress(Emitter& e, Value* base, Value* element, ir::DType dtype) {
  const ir::Encoding& encoding = ir::EncodingOf(dtype);
  if (encoding.is_plain()) return e.Address(base, element, dtype);
  return e.Address(base, Integer(e, element) / encoding.elements * encoding.bytes, ir::DType::kI8);
}

// Of halves those of the result, half of B's.
int64_t ColumnsOf(const KernelSpec& spec) {
  if (!FinishesHeads(spec)) return spec.result.axes.back().axis.extent.value;
  return AxesWithout(spec.operands[1], spec.attrs.axes[0])[0].extent.value;
}

}  // namespace

MatmulOperands::MatmulOperands(const KernelSpec& spec, Emitter& e, const TileRow& tile)
    : spec(spec),
      tile(tile),
      over(spec.attrs.axes[0]),
      depth_total(spec.operands[0].Find(over)->axis.extent.value),
      columns(ColumnsOf(spec)),
      halves(spec.attrs.epilogue.grain() == ir::Grain::kHalves),
      // A panel of either half is read for every panel of results.
      // And a panel that holds nothing to be kept is left out, whatever its neighbours hold.
      width(keeps()  ? 1
            : halves ? tile.panels / 2
                     : tile.panels),
      panels((columns + kLanes - 1) / kLanes),
      head_panels(FinishesHeads(spec) ? HeadElements(spec) / kLanes : 0),
      e_(e) {}

bool MatmulOperands::Applies(const KernelSpec& spec) {
  const TensorSpec& a = spec.operands[0];
  const TensorSpec& b = spec.operands[1];
  const std::string& over = spec.attrs.axes[0];
  const bool experts = ChoosesExperts(spec);
  if (experts && !HasReadableOrder(spec)) return false;
  if (!experts && ir::ContractedAxes(spec.attrs).size() != 1) return false;
  const std::optional<ir::PanelShape> panel =
      PanelShapeOf(b.dtype, *ir::AccumulatorOf(a.dtype, b.dtype));
  if (!panel || b.axes.size() != (experts ? 3 : 2)) return false;
  if (experts && b.axes[0].axis.name != spec.attrs.axes[1]) return false;
  if (!(b.layout == ir::Layout::Panel(panel->rows, panel->depth, over))) return false;
  if ((a.axes.size() > 2 && !experts) || !IsContiguous(a, over)) return false;
  if (!a.axes[0].stride.symbols.empty()) return false;
  if (FinishesHeads(spec) && HeadElements(spec) % kLanes != 0) return false;
  const int64_t columns = spec.result.axes.back().axis.extent.value;
  return spec.attrs.epilogue.grain() != ir::Grain::kHalves || columns % kLanes == 0;
}

std::vector<ir::Axis> MatmulOperands::RowAxes() const {
  return ChoosesExperts(spec) ? spec.operands[2].PlainAxes() : AxesWithout(spec.operands[0], over);
}

Indices MatmulOperands::IndicesOf(Value* row) const {
  if (ChoosesExperts(spec)) return ExpertRow(e_, spec, row);
  if (RowAxes().empty()) return {};
  return {{RowAxes()[0].name, row}};
}

int64_t MatmulOperands::PanelElements() const {
  return ir::PanelElements(spec.operands[1].layout, depth_total);
}

int64_t MatmulOperands::PanelBytes() const {
  const TensorSpec& b = spec.operands[1];
  return ir::PanelBytes(b.dtype, b.layout, depth_total);
}

Value* MatmulOperands::RowAt(const Rows& rows, int i) const {
  const Integer row = Integer(e_, rows.first) + i;
  if (rows.last == nullptr) return row;
  return e_.Least(row, rows.last);
}

std::vector<Value*> MatmulOperands::RowPointers(const Rows& rows) const {
  const TensorSpec& a = spec.operands[0];
  std::vector<Value*> pointers;
  for (int i = 0; i < rows.count; ++i) {
    Value* offset = e_.Offset(a.axes, IndicesOf(RowAt(rows, i)));
    pointers.push_back(ElementAddress(e_, e_.Buffer(0), offset, a.dtype));
  }
  return pointers;
}

std::vector<Value*> MatmulOperands::PanelPointers(Value* first, int count) const {
  const TensorSpec& b = spec.operands[1];
  Value* base = base_ != nullptr ? base_ : e_.Buffer(1);
  std::vector<Value*> pointers;
  const auto add_panels = [&](int64_t from) {
    for (int i = 0; i < count; ++i) {
      Integer panel = Integer(e_, first) + (from + i);
      if (base_panel_ != nullptr) panel = panel - base_panel_;
      pointers.push_back(ElementAddress(e_, base, panel * PanelElements(), b.dtype));
    }
  };
  add_panels(0);
  if (halves) add_panels(base_ != nullptr ? base_count_ : panels);
  return pointers;
}

void MatmulOperands::ReadPanelsAt(Value* base, Value* first, int64_t count) {
  base_ = base;
  base_panel_ = first;
  base_count_ = count;
}

Value* MatmulOperands::ColumnAddress(Value* buffer, const TensorSpec& tensor, Value* row,
                                     Value* panel, int lane) const {
  Indices indices = IndicesOf(row);
  indices[spec.result.axes.back().axis.name] = Integer(e_, panel) * kLanes + lane;
  return e_.Address(buffer, e_.Offset(tensor.axes, indices), tensor.dtype);
}

}  // namespace lluda::codegen
