#include "frontends/checkpoint/tensor_info.h"

#include <algorithm>
#include <iterator>

namespace lluda::frontends {
namespace {

struct DTypeRow {
  TensorDType file;
  std::optional<ir::DType> ir;
};
// In the order of the enum.
constexpr DTypeRow kDTypes[] = {
    {TensorDType::kF32, ir::DType::kF32},      {TensorDType::kBF16, ir::DType::kBF16},
    {TensorDType::kF16, ir::DType::kF16},      {TensorDType::kI64, ir::DType::kI64},
    {TensorDType::kI32, ir::DType::kI32},      {TensorDType::kI8, ir::DType::kI8},
    {TensorDType::kU8, std::nullopt},          {TensorDType::kQ8_0, ir::DType::kQ8_0},
    {TensorDType::kQ4_0, ir::DType::kQ4_0},    {TensorDType::kQ4_1, ir::DType::kQ4_1},
    {TensorDType::kQ5_0, ir::DType::kQ5_0},    {TensorDType::kQ5_1, ir::DType::kQ5_1},
    {TensorDType::kQ2K, ir::DType::kQ2K},      {TensorDType::kQ3K, ir::DType::kQ3K},
    {TensorDType::kQ4K, ir::DType::kQ4K},      {TensorDType::kQ5K, ir::DType::kQ5K},
    {TensorDType::kQ6K, ir::DType::kQ6K},      {TensorDType::kIQ4NL, ir::DType::kIQ4NL},
    {TensorDType::kIQ4XS, ir::DType::kIQ4XS},  {TensorDType::kMXFP4, ir::DType::kMXFP4},
    {TensorDType::kQ8F32, ir::DType::kQ8F32},  {TensorDType::kF8F32, ir::DType::kF8F32},
    {TensorDType::kUnsupported, std::nullopt},
};

constexpr bool InEnumOrder() {
  for (size_t i = 0; i < std::size(kDTypes); ++i) {
    if (static_cast<size_t>(kDTypes[i].file) != i) return false;
  }
  return std::size(kDTypes) == static_cast<size_t>(TensorDType::kUnsupported) + 1;
}
static_assert(InEnumOrder());

}  // namespace

std::vector<int64_t> WithoutLeadingOnes(std::vector<int64_t> shape) {
  const auto first =
      std::find_if(shape.begin(), shape.end(), [](int64_t extent) { return extent != 1; });
  shape.erase(shape.begin(), first);
  return shape;
}

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
