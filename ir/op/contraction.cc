#include "ir/op/contraction.h"

#include <algorithm>
#include <iterator>

#include "ir/type/encoding.h"

namespace lluda::ir {

bool HoldsIntegers(DType dtype) {
  constexpr DType kDTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,
                               DType::kQ5_0, DType::kQ5_1, DType::kQ8F32};
  return std::find(std::begin(kDTypes), std::end(kDTypes), dtype) != std::end(kDTypes);
}

std::optional<DType> AccumulatorOf(DType a, DType b) {
  if (a == DType::kQ8F32 && HoldsIntegers(b)) return DType::kF32;
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
