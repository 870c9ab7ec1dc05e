#include "tools/verify/placed_value.h"

#include <cstdint>
#include <vector>

#include "ir/type/layout.h"

namespace lluda::tools {
namespace {

// Where the element with row-major offset `offset`, in row `row`, lies if rows are interleaved.
int64_t Interleaved(const ir::Type& type, int64_t rows, int64_t row, int64_t offset) {
  if (row >= type.axes[0].extent.value / rows * rows) return offset;
  int64_t row_elements = 1;
  for (size_t i = 1; i < type.axes.size(); ++i) row_elements *= type.axes[i].extent.value;
  const int64_t together = ir::DwordElements(type.dtype);
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
                               : Interleaved(type, placement.interleaved_rows, index[0], i);
    visit(i, ir::BytesOf(type.dtype, offset));
    for (size_t axis = index.size(); axis > 0; --axis) {
      if (++index[axis - 1] < type.axes[axis - 1].extent.value) break;
      index[axis - 1] = 0;
    }
  }
}

}  // namespace

ir::Tensor ReadPlaced(const ir::Type& type, const Placement& placement, const char* from) {
  ir::Tensor value(type);
  ForEachElement(type, placement,
                 [&](int64_t i, int64_t byte) { value.ReadElement(i, from + byte); });
  return value;
}

void WritePlaced(const ir::Tensor& value, const Placement& placement, char* to) {
  ForEachElement(value.type(), placement,
                 [&](int64_t i, int64_t byte) { value.WriteElement(i, to + byte); });
}

}  // namespace lluda::tools
