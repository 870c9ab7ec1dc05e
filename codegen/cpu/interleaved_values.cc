#include "codegen/cpu/interleaved_values.h"

#include "codegen/cpu/emit/amx.h"
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
    case ir::Opcode::kMerge: {  // of the first axes: rows that fill groups, copied in vectors
      const ir::Axis& rows = type.axes[0];
      return op.attrs.result_axes[0].name == rows.name && rows.extent.is_constant() &&
             rows.extent.value % kAmxRows == 0 && type.axes.back().extent.value % kLanes == 0 &&
             !op.operand(0).type().layout.is_panel();
    }
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

// How a tensor's rows are interleaved, as TensorSpec says.
struct RowGroups {
  int rows = 0;
  int dwords = 1;

  bool operator==(const RowGroups& o) const { return rows == o.rows && dwords == o.dwords; }
};

// As the tile reads them. One of AMX loads from each row of a group what it takes of it at a step.
RowGroups GroupsOf(const TileRow& tile) {
  if (tile.dot == Dot::kAmx) return {kAmxRows, kAmxDepth / 2};
  return {tile.rows, 1};
}

// Those that each of the value's readers, which takes it as its first operand, wants. None where one
// wants none, or they differ. Merging all axes but the first leaves the groups as they are.
RowGroups GroupsOfReaders(const ir::Value& value, const Target& target) {
  RowGroups groups;
  for (const ir::Use& use : value.uses()) {
    RowGroups wanted;
    const ir::Op& reader = *use.op;
    if (reader.opcode() == ir::Opcode::kMerge) {
      if (reader.attrs.axes.size() + 1 == value.type.axes.size() &&
          reader.attrs.axes[0] == value.type.axes[1].name) {
        wanted = GroupsOfReaders(*reader.result(), target);
      }
    } else if (reader.opcode() == ir::Opcode::kMatmul && use.operand == 0) {
      const TileRow* tile = MatmulTile(SpecOf(reader), target);
      const auto& axes = value.type.axes;
      if (tile != nullptr && axes.size() == 2 && axes[1].name == reader.attrs.axes[0]) {
        wanted = GroupsOf(*tile);
      }
    }
    if (wanted.rows == 0 || (groups.rows != 0 && !(wanted == groups))) return {};
    groups = wanted;
  }
  return groups;
}

RowGroups GroupsOf(const ir::Op& op, const Target& target) {
  if (op.result() == nullptr || !CanInterleave(op, target)) return {};
  const RowGroups groups = GroupsOfReaders(*op.result(), target);
  // What is copied is not taken apart into dwords.
  if (op.opcode() == ir::Opcode::kMerge && groups.dwords == 1) return {};
  const int64_t elements = ElementsOfRow(SpecOf(op).result);
  return groups.rows >= kLeastRows && elements % kLanes == 0 ? groups : RowGroups();
}

void Interleave(const RowGroups& groups, TensorSpec* tensor) {
  tensor->interleaved_rows = groups.rows;
  tensor->interleaved_dwords = groups.dwords;
}

}  // namespace

KernelSpec InterleavedSpecOf(const ir::Op& op, const Target& target) {
  KernelSpec spec = SpecOf(op);
  Interleave(GroupsOf(op, target), &spec.result);
  if (op.opcode() == ir::Opcode::kMatmul) {
    const ir::Operand& base = ir::ResolveAccess(op.operand(0)).base;
    const ir::Op* producer = base.value != nullptr ? base.value->def() : nullptr;
    if (producer != nullptr) Interleave(GroupsOf(*producer, target), &spec.operands[0]);
  }
  return spec;
}

}  // namespace lluda::codegen
