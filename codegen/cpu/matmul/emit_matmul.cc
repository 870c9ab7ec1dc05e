// matmul. B in panels (the packed weights): register tiles from machine/tiles.def. Anything else,
// such as the scores of an unfused attention: one dot product per result element.
#include "codegen/cpu/matmul/emit_matmul.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "codegen/cpu/matmul/block_panels.h"
#include "codegen/cpu/matmul/blocks/integer_dot.h"
#include "codegen/cpu/matmul/expert_rows.h"
#include "codegen/cpu/matmul/general_matmul.h"
#include "codegen/cpu/matmul/head_epilogue.h"
#include "codegen/cpu/matmul/matmul_operands.h"
#include "codegen/cpu/matmul/panel_matmul.h"
#include "codegen/emit/column_epilogue.h"
#include "ir/type/encoding.h"

namespace lluda::codegen {
namespace {

// The matmul whose B holds, as `dtype`, what the blocks of spec's B mean, or their numbers.
KernelSpec Expanded(KernelSpec spec, ir::DType dtype) {
  TensorSpec& b = spec.operands[1];
  const std::optional<ir::PanelShape> blocks = PanelShapeOf(b.dtype, ir::DType::kF32);
  const std::optional<ir::PanelShape> floats = PanelShapeOf(dtype, ir::DType::kF32);
  if (b.layout == ir::Layout::Panel(blocks->rows, blocks->depth, b.layout.axis)) {
    b.layout = ir::Layout::Panel(floats->rows, floats->depth, b.layout.axis);
  }
  b.dtype = dtype;
  return spec;
}

absl::StatusOr<KernelInfo> EmitIntegerMatmul(const KernelSpec& spec, Emitter& e) {
  if (!MatmulOperands::Applies(spec)) return NoKernel(spec, "rows or panels lie otherwise");
  const machine::IntegerTile& tile = machine::FindIntegerTile(e.target().isa);
  const ir::DType a = spec.operands[0].dtype, b = spec.operands[1].dtype;
  const int depth = static_cast<int>(ir::EncodingOf(b).elements);
  const TileRow row{tile.isa, a, b, ir::DType::kF32, depth, Dot::kWiden, tile.rows, tile.panels};
  return PanelMatmul(spec, e, row, std::nullopt, tile.dot).Emit();
}

}  // namespace

const TileRow* MatmulTile(const KernelSpec& spec, const Target& target) {
  if (ir::IsBlock(spec.operands[0].dtype)) return nullptr;
  if (ir::IsBlock(spec.operands[1].dtype)) {
    const TileRow* scaled = ScaledTile(target, spec.operands[0].dtype, spec.operands[1].dtype);
    if (scaled != nullptr) {
      const TileRow* tile = MatmulTile(Expanded(spec, ir::DType::kBF16), target);
      if (tile != nullptr && tile->dot == scaled->dot) return scaled;
    }
    return MatmulTile(Expanded(spec, ir::DType::kF32), target);
  }
  if (!MatmulOperands::Applies(spec)) return nullptr;
  const ir::DType a = spec.operands[0].dtype, b = spec.operands[1].dtype;
  // AMX loads rows that lie side by side.
  if (ChoosesExperts(spec)) return target.FindTile(a, b);
  const TileRow* tile = target.FindMatmulTile(a, b);
  const bool whole_steps =
      spec.operands[0].Find(spec.attrs.axes[0])->axis.extent.value % kAmxDepth == 0;
  return tile == nullptr || tile->dot != Dot::kAmx || whole_steps ? tile : target.FindTile(a, b);
}

absl::StatusOr<KernelInfo> EmitMatmul(const KernelSpec& spec, Emitter& e) {
  for (const ir::EpilogueStep step : spec.attrs.epilogue) {
    const bool known =
        Info(step).grain == ir::Grain::kHeads ? EmitsHeadStep(step) : EmitsColumnStep(step);
    if (!known) return NoKernel(spec, absl::StrCat("no code for the step ", Info(step).name));
  }
  if (ir::IsBlock(spec.operands[0].dtype)) return EmitIntegerMatmul(spec, e);
  const TileRow* tile = MatmulTile(spec, e.target());
  if (tile == nullptr) return EmitGeneralMatmul(spec, e);
  const ir::DType b = spec.operands[1].dtype;
  if (ir::IsBlock(b)) {
    return PanelMatmul(Expanded(spec, tile->b), e, *tile, b).Emit();
  }
  return PanelMatmul(spec, e, *tile, std::nullopt).Emit();
}

}  // namespace lluda::codegen
