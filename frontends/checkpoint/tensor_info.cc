#include "frontends/checkpoint/tensor_info.h"

#include <algorithm>

namespace lluda::frontends {
std::vector<int64_t> WithoutLeadingOnes(std::vector<int64_t> shape) {
  const auto first =
      std::find_if(shape.begin(), shape.end(), [](int64_t extent) { return extent != 1; });
  shape.erase(shape.begin(), first);
  return shape;
}

TensorLookup LookupIn(const Checkpoint& checkpoint) {
  return [&checkpoint](absl::string_view name) -> std::optional<TensorInfo> {
    const TensorView* tensor = checkpoint.Find(name);
    if (tensor == nullptr) return std::nullopt;
    return TensorInfo{tensor->dtype, tensor->dtype_name, tensor->shape};
  };
}

}  // namespace lluda::frontends
