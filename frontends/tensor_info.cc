#include "frontends/tensor_info.h"

#include <iterator>

namespace lluda::frontends {
namespace {

struct DTypeRow {
  TensorDType file;
  std::optional<ir::DType> ir;
};
// In the order of the enum.
constexpr DTypeRow kDTypes[] = {
    {TensorDType::kF32, ir::DType::kF32}, {TensorDType::kBF16, ir::DType::kBF16},
    {TensorDType::kF16, ir::DType::kF16}, {TensorDType::kI64, ir::DType::kI64},
    {TensorDType::kI32, ir::DType::kI32}, {TensorDType::kI8, ir::DType::kI8},
    {TensorDType::kU8, std::nullopt},     {TensorDType::kUnsupported, std::nullopt},
};

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < std::size(kDTypes); ++i) {
    if (static_cast<size_t>(kDTypes[i].file) != i) return false;
  }
  return std::size(kDTypes) == static_cast<size_t>(TensorDType::kUnsupported) + 1;
}
static_assert(InEnumOrder());

}  // namespace

std::optional<ir::DType> IrDType(TensorDType dtype) {
  return kDTypes[static_cast<size_t>(dtype)].ir;
}

TensorLookup LookupIn(const Checkpoint& checkpoint) {
  return [&checkpoint](absl::string_view name) -> std::optional<TensorInfo> {
    const TensorView* tensor = checkpoint.Find(name);
    if (tensor == nullptr) return std::nullopt;
    return TensorInfo{IrDType(tensor->dtype), tensor->dtype_name, tensor->shape};
  };
}

}  // namespace lluda::frontends
