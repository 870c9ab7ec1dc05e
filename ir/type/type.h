// Types of values: an element type, named axes, and a memory layout.
//
// Example: `bf16 tok[T] hid[1024]` has two axes; `bf16 vocab[151936] hid[1024] @panel(16x2, hid)`
// is the same meaning as the row-major tensor, stored in panels of 16 vocabulary rows whose `hid`
// elements are interleaved in pairs.
#ifndef LLUDA_IR_TYPE_TYPE_H_
#define LLUDA_IR_TYPE_TYPE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ir/type/dtype.h"

namespace lluda::ir {

// The length of an axis: a constant, or a symbol whose value a run supplies.
struct Extent {
  int64_t value = 0;   // used when `symbol` is empty
  std::string symbol;  // "T", "C", ...

  static Extent Constant(int64_t value) { return {value, ""}; }
  static Extent Symbol(std::string name) { return {0, std::move(name)}; }
  bool is_constant() const { return symbol.empty(); }
  bool operator==(const Extent& o) const { return value == o.value && symbol == o.symbol; }
};

struct Axis {
  std::string name;
  Extent extent;
  bool operator==(const Axis& o) const { return name == o.name && extent == o.extent; }
};

// How the elements lie in memory; ir/type/layout.h says where. A layout never changes what a value
// means.
struct Layout {
  enum class Kind : uint8_t { kRowMajor, kPanel };
  Kind kind = Kind::kRowMajor;
  // kPanel only: `rows` rows of all the other axes share a panel, and along `axis`, `depth`
  // consecutive elements of one row lie together. Panels are zero-filled to whole tiles.
  int rows = 0;
  int depth = 0;
  std::string axis;

  static Layout Panel(int rows, int depth, std::string axis) {
    return {Kind::kPanel, rows, depth, std::move(axis)};
  }
  bool is_panel() const { return kind == Kind::kPanel; }
  bool operator==(const Layout& o) const {
    return kind == o.kind && rows == o.rows && depth == o.depth && axis == o.axis;
  }
};

struct Type {
  DType dtype = DType::kF32;
  std::vector<Axis> axes;
  Layout layout;

  // Index of the axis called `name`, or -1.
  int FindAxis(absl::string_view name) const;
  bool HasAxis(absl::string_view name) const { return FindAxis(name) >= 0; }
  // The axis called `name`; nullptr when there is none.
  const Axis* GetAxis(absl::string_view name) const;
  // The same type without that axis, or with another dtype. The layout becomes row-major.
  Type Without(absl::string_view name) const;
  Type With(DType new_dtype) const;
  bool operator==(const Type& o) const {
    return dtype == o.dtype && axes == o.axes && layout == o.layout;
  }
  bool operator!=(const Type& o) const { return !(*this == o); }
};

// The value of a symbol; used to turn symbolic extents into numbers.
using SymbolValue = std::function<int64_t(absl::string_view symbol)>;

int64_t Evaluate(const Extent& extent, const SymbolValue& symbols);
// Elements of a value of this type (not counting a layout's padding).
int64_t ElementCount(const Type& type, const SymbolValue& symbols);

// The canonical text: `bf16 tok[T] hid[1024] @panel(16x2, hid)`.
std::string ToString(const Extent& extent);
std::string ToString(const Axis& axis);
std::string ToString(const Layout& layout);
std::string ToString(const Type& type);

}  // namespace lluda::ir

#endif  // LLUDA_IR_TYPE_TYPE_H_
