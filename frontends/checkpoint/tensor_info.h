// What an importer asks about a checkpoint: which tensors there are, of which dtype and shape.
// Their elements it leaves alone.
//
// Example:
//   TensorLookup lookup = LookupIn(checkpoint);
//   lookup("model.norm.weight")  // {kBF16, "BF16", {1024}}, or nullopt
#ifndef LLUDA_FRONTENDS_CHECKPOINT_TENSOR_INFO_H_
#define LLUDA_FRONTENDS_CHECKPOINT_TENSOR_INFO_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "frontends/checkpoint/checkpoint.h"
#include "ir/type/dtype.h"

namespace lluda::frontends {

struct TensorInfo {
  std::optional<ir::DType> dtype;  // nullopt if the IR has no such dtype
  std::string dtype_name;          // as the file spells it
  std::vector<int64_t> shape;
};

using TensorLookup = std::function<std::optional<TensorInfo>(absl::string_view name)>;

// Behind the name of a matrix: the tensor that says how important its columns are, f32 [columns], where
// there is one. What is quantised takes more care of those.
inline constexpr char kImportanceSuffix[] = ".importance";

// The shape without axes of one element before the others: [1, 64] and [64] hold the same.
std::vector<int64_t> WithoutLeadingOnes(std::vector<int64_t> shape);

// Looks tensors up in `checkpoint`, which must stay open as long as the lookup is used.
TensorLookup LookupIn(const Checkpoint& checkpoint);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_TENSOR_INFO_H_
