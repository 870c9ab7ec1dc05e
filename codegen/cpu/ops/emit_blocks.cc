// Ops on numbers in blocks: their values by rows, rows of a table, and blocks of rows.
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/emit/block_access.h"
#include "codegen/emit/block_quantiser.h"
#include "codegen/emit/block_values.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/blocks.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// Writes the elements of a row of the table, of which `from` holds all indices but that along the
// blocks, to the row of the f32 result at `to`.
void DecodeRow(Emitter& e, const TensorSpec& table, const Indices& from, const TensorSpec& result,
               Value* result_buffer, const Indices& to) {
  const ir::Axis& along = BlockAxis(table);
  const int64_t elements = ir::EncodingOf(table.dtype).elements;
  e.Loop(e.Const(0), e.ExtentValue(along.extent), elements, [&](Value* k) {
    Indices source = from;
    source[along.name] = k;
    const BlockPlace place = BlockAt(e, table, e.Buffer(0), source);
    BlockValues values(e, table.dtype, place.address, 1, place.stride);
    Indices target = to;
    target[along.name] = k;
    const Integer first(e, ElementOffset(e, result, target));
    for (int64_t i = 0; i < elements; ++i) {
      e.Store(e.Address(result_buffer, first + i, result.dtype), result.dtype, values.At(i));
    }
  });
}

KernelInfo RowsInfo(std::vector<ir::Axis> rows, const ir::Axis& along) {
  KernelInfo info;
  info.work_axes = std::move(rows);
  info.item_cost = along.extent.value + 2;
  return info;
}

}  // namespace

absl::StatusOr<KernelInfo> EmitDequantize(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  std::vector<ir::Axis> rows = AxesWithout(spec.result, BlockAxis(from).name);
  e.ForRows(rows, [&](const Indices& indices) {
    DecodeRow(e, from, indices, spec.result, e.Buffer(1), indices);
  });
  return RowsInfo(std::move(rows), BlockAxis(from));
}

absl::StatusOr<KernelInfo> EmitGatherBlocks(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& table = spec.operands[0];
  if (table.axes.size() < 2) return NoKernel(spec, "the table has one axis only");
  std::vector<ir::Axis> rows = AxesWithout(spec.result, BlockAxis(table).name);
  e.ForRows(rows, [&](const Indices& indices) {
    Indices from = indices;
    from[spec.attrs.axes[0]] = LoadIndexAt(e, spec.operands[1], e.Buffer(1), indices);
    DecodeRow(e, table, from, spec.result, e.Buffer(2), indices);
  });
  return RowsInfo(std::move(rows), BlockAxis(table));
}

absl::StatusOr<KernelInfo> EmitQuantizeBlocks(const KernelSpec& spec, Emitter& e) {
  RETURN_IF_ERROR(CheckQuantises(spec));
  const ir::Axis along = BlockAxis(spec.result);
  const int64_t elements = ir::EncodingOf(spec.result.dtype).elements;
  const std::vector<ir::Axis> rows = LeadingAxes(spec.result);
  e.ForRows(rows, [&](const Indices& indices) {
    e.Loop(e.Const(0), e.ExtentValue(along.extent), elements, [&](Value* k) {
      Indices at = indices;
      at[along.name] = k;
      EmitQuantisedBlock(e, spec, at);
    });
  });
  KernelInfo info = RowsInfo(rows, along);
  info.item_cost = along.extent.value * (ir::TakesImportance(spec.result.dtype) ? 8 : 1) / 8 + 2;
  return info;
}

}  // namespace lluda::codegen
