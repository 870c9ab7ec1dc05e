// Ops that compute each result element from the operands' elements at the same indices, and literals.
#include <cstdint>
#include <vector>

#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/elements.h"
#include "codegen/emit/tensor_access.h"

namespace lluda::codegen {

namespace {

// Rows so long are cut into items of so many elements: a row of logits is alone in its step.
constexpr int64_t kLongRow = 16384;
constexpr int64_t kCutElements = 2048;

}  // namespace

absl::StatusOr<KernelInfo> EmitElementwise(const KernelSpec& spec, Emitter& e) {
  absl::Status checked = CheckElementwise(spec);
  if (!checked.ok()) return checked;
  const ir::Axis last = spec.result.axes.back().axis;
  const int result = static_cast<int>(spec.operands.size());
  const auto emit = [&](Indices* indices, Value* i, int lanes) {
    (*indices)[last.name] = i;
    Value* value = ElementsOf(spec, e, *indices, lanes);
    e.Store(e.Address(e.Buffer(result), e.Offset(spec.result.axes, *indices), spec.result.dtype),
            spec.result.dtype, value);
  };
  KernelInfo info;
  const bool cut =
      last.extent.is_constant() && last.extent.value >= kLongRow && last.extent.value % kLanes == 0;
  if (cut) {
    info.work_axes = spec.result.PlainAxes();
    info.item_rows = kCutElements;
    info.item_cost = kCutElements / 8 + 2;
    e.ForRows(
        info.work_axes,
        [&](Indices indices) {
          Value* begin = indices.at(last.name);
          Value* end =
              e.Least(e.b().CreateAdd(begin, e.Const(kCutElements)), e.Const(last.extent.value));
          e.Loop(begin, end, kLanes, [&](Value* i) { emit(&indices, i, kLanes); });
        },
        kCutElements);
    return info;
  }
  e.ForRows(LeadingAxes(spec.result), [&](Indices indices) {
    e.ForLanes(last.extent, [&](Value* i, int lanes) { emit(&indices, i, lanes); });
  });
  info.work_axes = LeadingAxes(spec.result);
  info.item_cost = last.extent.is_constant() ? last.extent.value / 8 + 2 : 1;
  info.cost_symbol = last.extent.symbol;
  return info;
}

// It runs once, in the load block: constants and plain stores.
absl::StatusOr<KernelInfo> EmitLiteral(const KernelSpec& spec, Emitter& e) {
  constexpr size_t kStored = 16;
  const std::vector<float>& values = spec.attrs.values;
  e.ForRows(LeadingAxes(spec.result), [&](const Indices&) {
    for (size_t i = 0, count = 0; i < values.size(); i += count) {
      count = values.size() - i >= kStored ? kStored : 1;
      Value* constant = e.ConstF32(values[i], 1);
      if (count > 1) {
        constant = llvm::ConstantDataVector::get(e.context(),
                                                 llvm::ArrayRef<float>(values.data() + i, count));
      }
      Value* to = e.Address(e.Buffer(0), e.Const(static_cast<int64_t>(i)), spec.result.dtype);
      e.Store(to, spec.result.dtype, constant);
    }
  });
  KernelInfo info;
  info.work_axes = LeadingAxes(spec.result);
  return info;
}

}  // namespace lluda::codegen
