#include "ir/type/type.h"

#include "absl/strings/str_cat.h"

namespace lluda::ir {

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
