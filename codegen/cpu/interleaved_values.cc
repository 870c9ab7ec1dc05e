#include "codegen/cpu/interleaved_values.h"

#include "codegen/cpu/emit/row_interleave.h"
#include "codegen/cpu/matmul/emit_matmul.h"

namespace lluda::codegen {
namespace {

// Fewer rows are read as quickly one by one.
constexpr int kLeastRows = 8;

// Whether the op's kernel can interleave its result's rows.
bool CanInterleave(const ir::Op& op, const Target& target) {
  const ir::Type& type = op.result_type();
  if (type.axes.size() < 2 || !ir::IsFloat(type.dtype)) return false;
  for (size_t i = 1; i < type.axes.size(); ++i) {
    if (!type.axes[i].extent.is_constant()) return false;
  }
  switch (op.opcode()) {
    case ir::Opcode::kLayernorm:
    case ir::Opcode::kRmsnorm:
      return type.axes.size() == 2 && op.attrs.axes[0] == type.axes[1].name;
    case ir::Opcode::kMatmul:
      return type.axes.size() == 2 && !op.attrs.epilogue.per_head() &&
             MatmulTile(SpecOf(op), target) != nullptr;
    case ir::Opcode::kAttention: {
      const auto& positions = op.operand(3).type().axes;
      return positions.size() == 1 && positions[0].name == type.axes[0].name &&
             type.axes.back().name == op.attrs.axes[2] &&
             type.axes.back().extent.value % kLanes == 0;
    }
    default:
      return false;
  }
}

// The rows of the tile with which each of the value's readers takes it as its first operand. 0
// where one does not, or they differ. Merging all axes but the first leaves the groups as they are.
int RowsOfReaders(const ir::Value& value, const Target& target) {
  int rows = 0;
  for (const ir::Use& use : value.uses()) {
    int wanted = 0;
    const ir::Op& reader = *use.op;
    if (reader.opcode() == ir::Opcode::kMerge) {
      if (reader.attrs.axes.size() + 1 == value.type.axes.size() &&
          reader.attrs.axes[0] == value.type.axes[1].name) {
        wanted = RowsOfReaders(*reader.result(), target);
      }
    } else if (reader.opcode() == ir::Opcode::kMatmul && use.operand == 0) {
      const TileRow* tile = MatmulTile(SpecOf(reader), target);
      const auto& axes = value.type.axes;
      if (tile != nullptr && axes.size() == 2 && axes[1].name == reader.attrs.axes[0]) {
        wanted = tile->dot == Dot::kAmx ? 0 : tile->rows;  // loads rows as they lie
      }
    }
    if (wanted == 0 || (rows != 0 && wanted != rows)) return 0;
    rows = wanted;
  }
  return rows;
}

int InterleavedRowsOf(const ir::Op& op, const Target& target) {
  if (op.result() == nullptr || !CanInterleave(op, target)) return 0;
  const int rows = RowsOfReaders(*op.result(), target);
  const int64_t elements = ElementsOfRow(SpecOf(op).result);
  return rows >= kLeastRows && elements % kLanes == 0 ? rows : 0;
}

}  // namespace

KernelSpec InterleavedSpecOf(const ir::Op& op, const Target& target) {
  KernelSpec spec = SpecOf(op);
  spec.result.interleaved_rows = InterleavedRowsOf(op, target);
  if (op.opcode() == ir::Opcode::kMatmul) {
    const ir::Operand& base = ir::ResolveAccess(op.operand(0)).base;
    const ir::Op* producer = base.value != nullptr ? base.value->def() : nullptr;
    if (producer != nullptr)
      spec.operands[0].interleaved_rows = InterleavedRowsOf(*producer, target);
  }
  return spec;
}

}  // namespace lluda::codegen
