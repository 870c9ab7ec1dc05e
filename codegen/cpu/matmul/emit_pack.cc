// pack: a weight's rows into panels of 16 rows, `depth` elements of a row side by side.
//
// One work item is a panel. Where the elements of a row that lie side by side are a dword (a pair of
// bf16, one f32), 16 rows x 16 dwords are transposed in registers: each source line is read whole
// and each panel line written whole.
#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/cpu/emit/transpose.h"
#include "codegen/cpu/matmul/emit_matmul.h"
#include "codegen/cpu/matmul/emit_pack_blocks.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
absl::StatusOr<KernelInfo> EmitPack(const KernelSpec& spec, Emitter& e) {
  const TensorSpec& from = spec.operands[0];
  const TensorSpec& to = spec.result;
  if (from.layout.is_panel()) return NoKernel(spec, "the operand is in panels already");
  if (to.axes.size() != 2) return NoKernel(spec, "only matrices are packed");
  if (ir::IsBlock(from.dtype)) return EmitPackBlocks(spec, e);
  auto& b = e.b();
  const ir::Layout& layout = to.layout;
  const ir::Axis row_axis = from.Find(PanelRowAxis(to).name)->axis;
  const ir::Axis k_axis = from.Find(layout.axis)->axis;
  const int64_t rows = row_axis.extent.value;
  const int64_t depth_total = k_axis.extent.value;
  const bool transposes = layout.rows == kLanes && ir::BytesOf(from.dtype, layout.depth) == 4 &&
                          rows % kLanes == 0 && spec.row_offset % kLanes == 0 &&
                          depth_total % (layout.depth * kLanes) == 0 &&
                          IsContiguous(from, k_axis.name);
  const ir::Axis panels{"panel", ir::Extent::Constant((rows + layout.rows - 1) / layout.rows)};
  const auto source = [&](Value* row, Value* k) {
    return e.Address(e.Buffer(0), e.Offset(from.axes, {{row_axis.name, row}, {k_axis.name, k}}),
                     from.dtype);
  };
  const auto target = [&](Value* row, Value* k) {
    return e.Address(e.Buffer(1), ElementOffset(e, to, {{row_axis.name, row}, {k_axis.name, k}}),
                     to.dtype);
  };
  e.ForItems([&](Value* panel) {
    Value* first = b.CreateMul(panel, e.Const(layout.rows));
    const auto to_row = [&](Value* row) { return b.CreateAdd(row, e.Const(spec.row_offset)); };
    const llvm::Align align = Emitter::AlignOf(from.dtype);
    const llvm::Align unaligned(1);  // a checkpoint's tensor lies at any address
    if (transposes) {
      e.Loop(e.Const(0), e.Const(depth_total), layout.depth * kLanes, [&](Value* k) {
        std::vector<Value*> lines(kLanes);
        for (int i = 0; i < kLanes; ++i) {
          lines[i] = b.CreateAlignedLoad(e.Int(32, kLanes),
                                         source(b.CreateAdd(first, e.Const(i)), k), unaligned);
        }
        lines = Transpose(e, std::move(lines));
        Value* out = target(to_row(first), k);
        for (int i = 0; i < kLanes; ++i) {
          b.CreateAlignedStore(lines[i],
                               e.Address(out, e.Const(i * kLanes * layout.depth), to.dtype), align);
        }
      });
      return;
    }
    llvm::Type* bits = e.BitsOf(from.dtype);
    Value* last = b.CreateAdd(first, e.Const(layout.rows));
    Value* end = e.Least(last, e.Const(rows));
    e.Loop(first, end, 1, [&](Value* row) {
      e.Loop(e.Const(0), e.Const(depth_total), 1, [&](Value* k) {
        b.CreateAlignedStore(b.CreateAlignedLoad(bits, source(row, k), unaligned),
                             target(to_row(row), k), align);
      });
    });
  });
  KernelInfo info;
  info.work_axes = {panels};
  info.item_cost = std::max<int64_t>(1, depth_total * layout.rows / 16);
  // Of a row-major operand each panel reads its own rows, one behind the other.
  if (from.Find(row_axis.name)->stride.IsConstant(depth_total) && IsContiguous(from, k_axis.name)) {
    info.item_read_bytes = ir::BytesOf(from.dtype, layout.rows * depth_total);
  }
  return info;
}

}  // namespace lluda::codegen
