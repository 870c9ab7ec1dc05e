#include "tools/verify/placed_value.h"

#include <cstdint>
#include <vector>

#include "ir/type/layout.h"

namespace lluda::tools {
namespace {

// Where the element with row-major offset `offset`, in row `row`, lies if rows are interleaved.
int64_t Interleaved(const ir::Type& type, const Placement& placement, int64_t row, int64_t offset) {
  const int64_t rows = placement.interleaved_rows;
  if (row >= type.axes[0].extent.value / rows * rows) return offset;
  int64_t row_elements = 1;
  for (size_t i = 1; i < type.axes.size(); ++i) row_elements *= type.axes[i].extent.value;
  const int64_t together = placement.interleaved_dwords * ir::DwordElements(type.dtype);
  const int64_t k = offset % row_elements;
  return row / rows * rows * row_elements + k / together * rows * together + row % rows * together +
         k % together;
}

// Calls visit(i, byte) for every element: its row-major number and where it lies.
template <typename Visit>
void ForEachElement(ir::Type type, const Placement& placement, Visit&& visit) {
  type.layout = placement.layout;
  std::vector<int64_t> index(type.axes.size(), 0);
  int64_t count = 1;
  for (const ir::Axis& axis : type.axes) count *= axis.extent.value;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t offset = placement.interleaved_rows == 0
                               ? ir::ElementOffset(type, index)
                               : Interleaved(type, placement, index[0], i);
    visit(i, ir::BytesOf(type.dtype, offset));
    for (size_t axis = index.size(); axis > 0; --axis) {
      if (++index[axis - 1] < type.axes[axis - 1].extent.value) break;
      index[axis - 1] = 0;
    }
  }
}

// The same for the bytes of a matrix in blocks: visit(i, byte) for its i-th byte in rows.
template <typename Visit>
void ForEachBlockByte(ir::Type type, const Placement& placement, Visit&& visit) {
  type.layout = placement.layout;
  const int64_t row_bytes = ir::BytesOf(type.dtype, type.axes.back().extent.value);
  const int64_t bytes = ir::BytesOf(type.dtype, ir::ElementCount(type, nullptr));
  const int64_t together = type.layout.is_panel() ? type.layout.rows : 1;
  const int64_t unit = ir::BlockUnit(ir::EncodingOf(type.dtype), type.layout);
  for (int64_t i = 0; i < bytes; ++i) {
    const int64_t row = i / row_bytes;
    if (!type.layout.is_panel()) {
      visit(i, i);
      continue;
    }
    // Where the row's panel begins, whose groups follow one another.
    const int64_t panel =
        ir::BytesOf(type.dtype, ir::ElementOffset(type, {row - row % together, 0}));
    const int64_t byte = i % row_bytes;
    visit(i, panel + byte / unit * unit * together + row % together * unit + byte % unit);
  }
}

}  // namespace

ir::Tensor ReadPlaced(const ir::Type& type, const Placement& placement, const char* from) {
  ir::Tensor value(type);
  if (value.is_blocks()) {
    ForEachBlockByte(type, placement, [&](int64_t i, int64_t byte) {
      value.mutable_blocks()[static_cast<size_t>(i)] = static_cast<std::byte>(from[byte]);
    });
    return value;
  }
  ForEachElement(type, placement,
                 [&](int64_t i, int64_t byte) { value.ReadElement(i, from + byte); });
  return value;
}

void WritePlaced(const ir::Tensor& value, const Placement& placement, char* to) {
  if (value.is_blocks()) {
    ForEachBlockByte(value.type(), placement, [&](int64_t i, int64_t byte) {
      to[byte] = static_cast<char>(value.blocks()[static_cast<size_t>(i)]);
    });
    return;
  }
  ForEachElement(value.type(), placement,
                 [&](int64_t i, int64_t byte) { value.WriteElement(i, to + byte); });
}

}  // namespace lluda::tools
