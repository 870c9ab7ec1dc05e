#include "ir/type/layout.h"

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace lluda::ir {

int64_t ByteSize(const Type& type, const SymbolValue& symbols) {
  if (!type.layout.is_panel()) return BytesOf(type.dtype, ElementCount(type, symbols));
  const PanelAxes panel = PanelAxesOf(type.layout, type.axes);
  int64_t count = 1;
  for (size_t i = 0; i < type.axes.size(); ++i) {
    int64_t extent = Evaluate(type.axes[i].extent, symbols);
    if (i == panel.depth) extent = base::RoundUp(extent, type.layout.depth);
    if (i == panel.row) extent = base::RoundUp(extent, type.layout.rows);
    count *= extent;
  }
  return BytesOf(type.dtype, count);
}

SymbolicSize SymbolicByteSize(const Type& type) {
  SymbolicSize size{1, {}};
  for (const Axis& axis : type.axes) {
    if (axis.extent.is_constant()) {
      size.factor *= axis.extent.value;
    } else {
      size.symbols.push_back(axis.extent.symbol);
    }
  }
  size.factor = BytesOf(type.dtype, size.factor);
  return size;
}

int64_t PanelElements(const Layout& layout, int64_t depth_total) {
  return base::RoundUp<int64_t>(depth_total, layout.depth) * layout.rows;
}

int64_t PanelBytes(DType dtype, const Layout& layout, int64_t depth_total) {
  return BytesOf(dtype, PanelElements(layout, depth_total));
}

int64_t BlockUnit(const Encoding& encoding, const Layout& layout) {
  constexpr int kRowsOfBytes = 16;
  if (layout.rows == kRowsOfBytes) return 1;
  for (const int64_t unit : {4, 2}) {
    if (encoding.bytes % unit == 0) return unit;
  }
  return 1;
}

int64_t ElementOffset(const Type& type, absl::Span<const int64_t> index) {
  CHECK_EQ(index.size(), type.axes.size()) << ToString(type);
  if (type.layout.is_panel()) {
    return PanelOffset<int64_t>(
        type.layout, PanelAxesOf(type.layout, type.axes), index.size(),
        [&](size_t i) { return index[i]; }, [&](size_t i) { return type.axes[i].extent.value; });
  }
  int64_t offset = 0;
  for (size_t i = 0; i < index.size(); ++i) offset = offset * type.axes[i].extent.value + index[i];
  return offset;
}

absl::Status CheckBlocks(const Encoding& encoding, const Type& type) {
  if (encoding.is_plain()) return absl::OkStatus();
  const std::string blocks = absl::StrCat("blocks of ", encoding.elements, " elements");
  if (type.axes.empty()) return absl::InvalidArgumentError(absl::StrCat(blocks, " need an axis"));
  if (type.layout.is_panel() && type.layout.depth != encoding.elements) {
    return absl::InvalidArgumentError(
        absl::StrCat("panels of ", blocks, " are as deep, not ", type.layout.depth));
  }
  const Axis& along = type.layout.is_panel() ? *type.GetAxis(type.layout.axis) : type.axes.back();
  if (along.extent.is_constant() && along.extent.value % encoding.elements == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(ToString(along), " is not whole ", blocks));
}

PanelAxes PanelAxesOf(const Layout& layout, absl::Span<const Axis> axes) {
  const size_t last = axes.size() - 1;
  PanelAxes panel{last, 0};
  while (axes[panel.depth].name != layout.axis) ++panel.depth;
  if (panel.depth == last) panel.row = last - 1;
  return panel;
}

}  // namespace lluda::ir
