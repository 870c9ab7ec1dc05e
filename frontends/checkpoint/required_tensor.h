// A tensor that a config asks for, found and checked.
//
// Example:
//   RequireTensor(lookup, "Qwen3-0.6B", "model.norm.weight", {1024})   // {kBF16, "BF16", {1024}}
#ifndef LLUDA_FRONTENDS_CHECKPOINT_REQUIRED_TENSOR_H_
#define LLUDA_FRONTENDS_CHECKPOINT_REQUIRED_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "frontends/checkpoint/tensor_info.h"

namespace lluda::frontends {

// The tensor, whose dtype is one that weights may have: a float or, of a matrix, one in blocks that
// fill its rows. `checkpoint_name` is how errors call the checkpoint. NotFound if it is missing,
// InvalidArgument for another shape, Unimplemented for another dtype:
//
//   checkpoint: tensor 'model.norm.weight' has shape [512], config.json asks for [1024]
absl::StatusOr<TensorInfo> RequireTensor(const TensorLookup& lookup,
                                         const std::string& checkpoint_name,
                                         const std::string& name,
                                         const std::vector<int64_t>& shape);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_REQUIRED_TENSOR_H_
