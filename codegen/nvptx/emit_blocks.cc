// Weights in blocks: their values by rows, rows of a table, panels of them, and blocks of rows.
#include <array>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "codegen/emit/block_access.h"
#include "codegen/emit/block_quantiser.h"
#include "codegen/emit/integer.h"
#include "codegen/emit/op_emitter.h"
#include "codegen/emit/tensor_access.h"
#include "codegen/nvptx/emit_gpu.h"
#include "codegen/nvptx/product/block_words.h"
#include "ir/type/encoding.h"

namespace lluda::codegen::gpu {
namespace {

// A thread for a quarter of each block: every fourth four of its elements. `source` makes the table's
// indices of the result's, but for the axis that the blocks lie along.
KernelInfo DecodeRows(const KernelSpec& spec, GpuEmitter& e, int result_buffer,
                      const std::function<Indices(const Indices&)>& source) {
  const TensorSpec& table = spec.operands[0];
  const TensorSpec& result = spec.result;
  const ir::Axis& along = BlockAxis(table);
  const int64_t elements = ir::EncodingOf(table.dtype).elements;
  std::vector<ir::Axis> axes = AxesWithout(result, along.name);
  axes.push_back({"quarter", ir::Extent::Constant(along.extent.value / elements * 4)});
  e.ForElements(axes, [&](Indices to) {
    const Integer quarter(e, to.at("quarter"));
    const Integer quad = quarter % 4;
    to.erase("quarter");
    Indices from = source(to);
    const Integer first = quarter / 4 * elements;
    from[along.name] = first;
    BlockWords block(e, table.dtype, BlockAt(e, table, e.Buffer(0), from), quad);
    for (int64_t i = 0; i < elements; i += kQuads) {
      const std::array<Value*, 4> values = block.Values(i);
      for (size_t n = 0; n < values.size(); ++n) {
        to[along.name] = first + quad * 4 + (i + static_cast<int64_t>(n));
        e.Store(e.Address(e.Buffer(result_buffer), ElementOffset(e, result, to), result.dtype),
                result.dtype, values[n]);
      }
    }
  });
  return ElementsInfo(axes);
}

}  // namespace

absl::StatusOr<KernelInfo> EmitDequantize(const KernelSpec& spec, GpuEmitter& e) {
  return DecodeRows(spec, e, 1, [](const Indices& to) { return to; });
}

absl::StatusOr<KernelInfo> EmitGatherBlocks(const KernelSpec& spec, GpuEmitter& e) {
  if (spec.operands[0].axes.size() < 2) return NoKernel(spec, "the table has one axis only");
  return DecodeRows(spec, e, 2, [&](const Indices& to) {
    Indices from = to;
    from[spec.attrs.axes[0]] = LoadIndexAt(e, spec.operands[1], e.Buffer(1), to);
    return from;
  });
}

// A thread for each byte. Those of a row follow one another, in a panel by units.
absl::StatusOr<KernelInfo> EmitPackBlocks(const KernelSpec& spec, GpuEmitter& e) {
  const TensorSpec& from = spec.operands[0];
  const TensorSpec& to = spec.result;
  const std::string& k = to.layout.axis;
  const ir::Axis rows = from.Find(PanelRowAxis(to).name)->axis;
  const int64_t row_bytes = ir::BytesOf(from.dtype, from.Find(k)->axis.extent.value);
  const std::vector<ir::Axis> axes = {rows, {"byte", ir::Extent::Constant(row_bytes)}};
  e.ForElements(axes, [&](const Indices& indices) {
    const Integer byte(e, indices.at("byte"));
    const Integer row(e, indices.at(rows.name));
    const BlockPlace source = BlockAt(e, from, e.Buffer(0), {{rows.name, row}, {k, e.Const(0)}});
    const BlockPlace target =
        BlockAt(e, to, e.Buffer(1), {{rows.name, row + spec.row_offset}, {k, e.Const(0)}});
    const Integer in_panel =
        byte / target.unit * (target.unit * target.stride) + byte % target.unit;
    Value* value = e.b().CreateAlignedLoad(
        e.Int(8, 1), e.Address(source.address, byte, ir::DType::kI8), llvm::Align(1));
    e.b().CreateAlignedStore(value, e.Address(target.address, in_panel, ir::DType::kI8),
                             llvm::Align(1));
  });
  return ElementsInfo(axes);
}

// A thread for each block.
absl::StatusOr<KernelInfo> EmitQuantizeBlocks(const KernelSpec& spec, GpuEmitter& e) {
  RETURN_IF_ERROR(CheckQuantises(spec));
  const ir::Axis along = BlockAxis(spec.result);
  const int64_t elements = ir::EncodingOf(spec.result.dtype).elements;
  std::vector<ir::Axis> axes = LeadingAxes(spec.result);
  axes.push_back({"block", ir::Extent::Constant(along.extent.value / elements)});
  e.ForElements(axes, [&](Indices at) {
    at[along.name] = Integer(e, at.at("block")) * elements;
    at.erase("block");
    EmitQuantisedBlock(e, spec, at);
  });
  return ElementsInfo(axes);
}

}  // namespace lluda::codegen::gpu
