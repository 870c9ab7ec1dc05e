#include "cli/placed_value.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace lluda::cli {
namespace {

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Where the element with row-major offset `offset`, in row `row`, lies if rows are in blocks.
int64_t InBlocks(const std::vector<ir::Axis>& axes, int block_rows, int64_t element_bytes,
                 int64_t row, int64_t offset) {
  const int64_t rows = block_rows;
  if (row >= axes[0].extent.value / rows * rows) return offset;
  int64_t row_elements = 1;
  for (size_t i = 1; i < axes.size(); ++i) row_elements *= axes[i].extent.value;
  const int64_t unit = 4 / element_bytes;
  const int64_t k = offset % row_elements;
  return row / rows * rows * row_elements + k / unit * rows * unit + row % rows * unit + k % unit;
}

// Where elements of a value lie, in elements. Of panels the rows are those of the last axis that is
// not the panel's own.
class Offsets {
 public:
  Offsets(const ir::Type& type, const Placement& placement)
      : axes_(type.axes),
        placement_(placement),
        element_bytes_(ir::DTypeSize(type.dtype)),
        strides_(axes_.size(), 0) {
    int64_t stride = 1;
    const ir::Layout& layout = placement.layout;
    if (layout.is_panel()) {
      while (axes_[deep_].name != layout.axis) ++deep_;
      row_ = deep_ + 1 == axes_.size() ? deep_ - 1 : axes_.size() - 1;
      depth_ = RoundUp(axes_[deep_].extent.value, layout.depth);
      stride = RoundUp(axes_[row_].extent.value, layout.rows) * depth_;
    }
    for (size_t i = axes_.size(); i > 0; --i) {
      if (layout.is_panel() && (i - 1 == deep_ || i - 1 == row_)) continue;
      strides_[i - 1] = stride;
      stride *= axes_[i - 1].extent.value;
    }
  }

  int64_t Of(const std::vector<int64_t>& index) const {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i) offset += index[i] * strides_[i];
    const ir::Layout& layout = placement_.layout;
    if (!layout.is_panel()) {
      if (placement_.block_rows == 0) return offset;
      return InBlocks(axes_, placement_.block_rows, element_bytes_, index[0], offset);
    }
    offset += index[row_] / layout.rows * layout.rows * depth_;
    offset += index[deep_] / layout.depth * layout.rows * layout.depth;
    return offset + index[row_] % layout.rows * layout.depth + index[deep_] % layout.depth;
  }

 private:
  const std::vector<ir::Axis>& axes_;
  const Placement& placement_;
  int64_t element_bytes_;
  std::vector<int64_t> strides_;  // of the axes that are not the panel's
  size_t deep_ = 0, row_ = 0;     // of a panel: the contracted axis and that of its rows
  int64_t depth_ = 0;
};

void LoadElement(const char* from, ir::DType dtype, int64_t i, ir::Tensor* to) {
  switch (dtype) {
    case ir::DType::kF32:
      std::memcpy(&to->mutable_floats()[i], from, sizeof(float));
      return;
    case ir::DType::kBF16:
    case ir::DType::kF16: {
      uint16_t bits = 0;
      std::memcpy(&bits, from, sizeof bits);
      to->mutable_floats()[i] =
          dtype == ir::DType::kBF16 ? ir::BF16ToFloat(bits) : ir::F16ToFloat(bits);
      return;
    }
    case ir::DType::kI32: {
      int32_t value = 0;
      std::memcpy(&value, from, sizeof value);
      to->mutable_ints()[i] = value;
      return;
    }
    case ir::DType::kI64:
      std::memcpy(&to->mutable_ints()[i], from, sizeof(int64_t));
      return;
    case ir::DType::kI8:
      to->mutable_ints()[i] = static_cast<int64_t>(static_cast<signed char>(*from));
      return;
  }
}

void StoreElement(const ir::Tensor& from, ir::DType dtype, int64_t i, char* to) {
  if (dtype == ir::DType::kF32) {
    std::memcpy(to, &from.floats()[i], sizeof(float));
  } else if (ir::IsFloat(dtype)) {
    const uint16_t bits = dtype == ir::DType::kBF16 ? ir::FloatToBF16(from.floats()[i])
                                                    : ir::FloatToF16(from.floats()[i]);
    std::memcpy(to, &bits, sizeof bits);
  } else {  // little-endian
    std::memcpy(to, &from.ints()[i], static_cast<size_t>(ir::DTypeSize(dtype)));
  }
}

// Calls visit(i, byte) for every element: its row-major number and where it lies.
template <typename Visit>
void ForEachElement(const ir::Type& type, const Placement& placement, Visit&& visit) {
  const Offsets offsets(type, placement);
  const int64_t element_bytes = ir::DTypeSize(type.dtype);
  std::vector<int64_t> index(type.axes.size(), 0);
  int64_t count = 1;
  for (const ir::Axis& axis : type.axes) count *= axis.extent.value;
  for (int64_t i = 0; i < count; ++i) {
    visit(i, offsets.Of(index) * element_bytes);
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
                 [&](int64_t i, int64_t byte) { LoadElement(from + byte, type.dtype, i, &value); });
  return value;
}

void WritePlaced(const ir::Tensor& value, const Placement& placement, char* to) {
  ForEachElement(value.type(), placement, [&](int64_t i, int64_t byte) {
    StoreElement(value, value.type().dtype, i, to + byte);
  });
}

}  // namespace lluda::cli
