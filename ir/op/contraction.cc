#include "ir/op/contraction.h"

#include <algorithm>

#include "ir/type/encoding.h"

namespace lluda::ir {

std::optional<DType> AccumulatorOf(DType a, DType b) {
  if (IsFloat(a) && (IsFloat(b) || IsBlock(b))) return DType::kF32;
  if (a == DType::kI8 && b == DType::kI8) return DType::kI32;
  return std::nullopt;
}

absl::Span<const std::string> ContractedAxes(const Attrs& attrs) {
  constexpr size_t kStateAxes = 2;  // the slot's and the position's
  const size_t others = attrs.epilogue.Has(EpilogueStep::kAppend) ? kStateAxes : 0;
  const size_t count = attrs.axes.size() - std::min(others, attrs.axes.size());
  return absl::MakeConstSpan(attrs.axes).first(count);
}

Type WithoutAxes(const Type& type, absl::Span<const std::string> names) {
  Type result = type.With(type.dtype);
  for (const std::string& name : names) result = result.Without(name);
  return result;
}

}  // namespace lluda::ir
