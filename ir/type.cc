#include "ir/type.h"

#include "absl/strings/str_cat.h"

namespace lluda::ir {
namespace {

int64_t RoundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

int Type::FindAxis(absl::string_view name) const {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

const Axis* Type::GetAxis(absl::string_view name) const {
  const int i = FindAxis(name);
  return i < 0 ? nullptr : &axes[i];
}

Type Type::Without(absl::string_view name) const {
  Type result{dtype, {}, {}};
  for (const Axis& axis : axes) {
    if (axis.name != name) result.axes.push_back(axis);
  }
  return result;
}

Type Type::With(DType new_dtype) const { return {new_dtype, axes, {}}; }

int64_t Evaluate(const Extent& extent, const SymbolValue& symbols) {
  return extent.is_constant() ? extent.value : symbols(extent.symbol);
}

int64_t ElementCount(const Type& type, const SymbolValue& symbols) {
  int64_t count = 1;
  for (const Axis& axis : type.axes) count *= Evaluate(axis.extent, symbols);
  return count;
}

int64_t ByteSize(const Type& type, const SymbolValue& symbols) {
  if (!type.layout.is_panel()) return ElementCount(type, symbols) * DTypeSize(type.dtype);
  // A state's panels run over its last row axis only; a weight has just one, so in both cases the
  // row axis that is padded is the last one that is not the panel's own.
  int padded = -1;
  for (size_t i = 0; i < type.axes.size(); ++i) {
    if (type.axes[i].name != type.layout.axis) padded = static_cast<int>(i);
  }
  int64_t count = 1;
  for (size_t i = 0; i < type.axes.size(); ++i) {
    int64_t extent = Evaluate(type.axes[i].extent, symbols);
    if (type.axes[i].name == type.layout.axis) extent = RoundUp(extent, type.layout.depth);
    if (static_cast<int>(i) == padded) extent = RoundUp(extent, type.layout.rows);
    count *= extent;
  }
  return count * DTypeSize(type.dtype);
}

std::string ToString(const Extent& extent) {
  return extent.is_constant() ? absl::StrCat(extent.value) : extent.symbol;
}

std::string ToString(const Axis& axis) {
  return absl::StrCat(axis.name, "[", ToString(axis.extent), "]");
}

std::string ToString(const Layout& layout) {
  if (!layout.is_panel()) return "";
  return absl::StrCat("@panel(", layout.rows, "x", layout.depth, ", ", layout.axis, ")");
}

std::string ToString(const Type& type) {
  std::string text(DTypeName(type.dtype));
  for (const Axis& axis : type.axes) absl::StrAppend(&text, " ", ToString(axis));
  if (type.layout.is_panel()) absl::StrAppend(&text, " ", ToString(type.layout));
  return text;
}

}  // namespace lluda::ir
