// pack: a weight's rows into panels of 16 rows, `depth` elements of a row side by side.
//
// One work item is a panel. Where the elements of a row that lie side by side are a dword (a pair of
// bf16, one f32), squares of 8 rows x 8 dwords are transposed in registers. Larger ones gain nothing,
// as memory binds, and LLVM takes long over shuffles of vectors that the machine does not have.
#include <algorithm>
#include <utility>
#include <vector>

#include "codegen/cpu/emit/transpose.h"
#include "codegen/cpu/ops/emit_ops.h"
#include "codegen/cpu/ops/emit_pack_blocks.h"
#include "codegen/emit/tensor_access.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

constexpr int kSquare = 8;

// The rows of a square, `stride` elements apart from `from` on, as lines of panels of 16 rows.
void TransposeSquare(Emitter& e, ir::DType dtype, Value* from, int64_t stride, Value* to) {
  auto& b = e.b();
  std::vector<Value*> lines;
  for (int i = 0; i < kSquare; ++i) {
    lines.push_back(b.CreateAlignedLoad(e.Int(32, kSquare),
                                        e.Address(from, e.Const(i * stride), dtype),
                                        llvm::Align(1)));  // a checkpoint's tensor lies anywhere
  }
  lines = Transpose(e, std::move(lines));
  const int64_t line = kLanes * ir::DwordElements(dtype);
  for (int i = 0; i < kSquare; ++i) {
    b.CreateAlignedStore(lines[i], e.Address(to, e.Const(i * line), dtype), llvm::Align(4));
  }
}

}  // namespace

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
  const ir::Stride& row_stride = from.Find(row_axis.name)->stride;
  const bool transposes = layout.rows == kLanes && ir::BytesOf(from.dtype, layout.depth) == 4 &&
                          rows % kLanes == 0 && spec.row_offset % kLanes == 0 &&
                          depth_total % (layout.depth * kSquare) == 0 &&
                          row_stride.symbols.empty() && IsContiguous(from, k_axis.name);
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
      e.Loop(e.Const(0), e.Const(depth_total), layout.depth * kSquare, [&](Value* k) {
        e.Loop(first, b.CreateAdd(first, e.Const(kLanes)), kSquare, [&](Value* row) {
          TransposeSquare(e, from.dtype, source(row, k), row_stride.factor, target(to_row(row), k));
        });
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
