// Sizes and offsets: where the elements of a value lie in memory. No other place computes them.
//
// Row-major is as usual. In panels, of a matrix of rows r and elements k along the panel's own axis
// (their number rounded up to the depth, K), element (r, k) of `@panel(16x2, k)` lies, in elements,
// at
//   r / 16 * (16 * K)  +  k / 2 * (16 * 2)  +  r % 16 * 2  +  k % 2
// and whole matrices follow one another for the other axes.
//
// Blocks (ir/type/encoding.h) have elements without addresses. Row-major they follow one another. In
// panels 16 rows' blocks are a group as deep as a block, `@panel(16x32, k)` for 32 elements, and in a
// group byte b of row r's block lies at b * 16 + r: a vector of 16 bytes holds the same byte of each.
// In panels of fewer rows, R, bytes lie by units of u = BlockUnit: byte b of row r's block at
// b / u * u * R + r * u + b % u, so that a thread reads a unit and its neighbours the next rows'.
//
// Example: of bf16 vocab[40] hid[8] @panel(16x2, hid), ByteSize is 48 * 8 * 2, and element (17, 3)
// is the 163rd: 1 * 128 + 1 * 32 + 1 * 2 + 1.
#ifndef LLUDA_IR_TYPE_LAYOUT_H_
#define LLUDA_IR_TYPE_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/align.h"
#include "ir/type/encoding.h"
#include "ir/type/type.h"

namespace lluda::ir {

// Bytes that a value of this type needs, a panel layout's padding included.
int64_t ByteSize(const Type& type, const SymbolValue& symbols);

// The same before the symbols have values: `factor` times the values of `symbols`, which come in
// the order of the axes. Of panels it counts no padding.
// Example: bf16 slot[S] kv[8] pos[C] dim[128] is 2048 times S times C.
struct SymbolicSize {
  int64_t factor = 0;
  std::vector<std::string> symbols;
};
SymbolicSize SymbolicByteSize(const Type& type);

// Elements of one panel over `depth_total` elements, padding included, and their bytes.
int64_t PanelElements(const Layout& layout, int64_t depth_total);
int64_t PanelBytes(DType dtype, const Layout& layout, int64_t depth_total);

// Bytes of a row's block that lie together in a panel: 1 where a panel has 16 rows; else 4, 2 or 1,
// as divides the block.
int64_t BlockUnit(const Encoding& encoding, const Layout& layout);

// Elements from the value's start to the one with these indices, one for each axis. The extents are
// constants, the dtype is plain.
int64_t ElementOffset(const Type& type, absl::Span<const int64_t> index);

// Blocks of the encoding lie along the panel's own axis, or else the last one, and fill it:
// InvalidArgument unless its extent is a constant and whole blocks, and a panel is as deep as a
// block. A plain encoding fits always.
absl::Status CheckBlocks(const Encoding& encoding, const Type& type);

// Which axes make the matrix that lies in panels.
struct PanelAxes {
  size_t row;    // its elements are a panel's rows: the last axis that is not the panel's own
  size_t depth;  // the panel's own
};
// The layout is a panel layout on two or more axes, of which one is its own.
PanelAxes PanelAxesOf(const Layout& layout, absl::Span<const Axis> axes);

// The formula above, for `axis_count` axes; index(i) and extent(i) are those of axis i. A Number is
// an int64_t, or stands for one in code that is being written: it has + * and, by an int64_t, + * /
// and %.
template <typename Number, typename IndexOf, typename ExtentOf>
Number PanelOffset(const Layout& layout, const PanelAxes& panel, size_t axis_count,
                   const IndexOf& index, const ExtentOf& extent) {
  const int64_t rows = layout.rows, depth = layout.depth;
  const Number depth_total = base::RoundUp<Number>(extent(panel.depth), depth);
  const Number row = index(panel.row);
  const Number k = index(panel.depth);
  const Number at = row / rows;
  Number offset = at * (depth_total * rows);
  offset = offset + k / depth * (rows * depth);
  offset = offset + row % rows * depth;
  offset = offset + k % depth;
  Number stride = base::RoundUp<Number>(extent(panel.row), rows) * depth_total;
  for (size_t i = axis_count; i-- > 0;) {
    if (i == panel.row || i == panel.depth) continue;
    offset = offset + index(i) * stride;
    stride = stride * extent(i);
  }
  return offset;
}

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_LAYOUT_H_
