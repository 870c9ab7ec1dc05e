// The elements of a module's weights, read from a checkpoint.
//
//   environment.weights = [&](const ir::Global& weight, int64_t index) {
//     return ReadWeight(checkpoint, weight, index);
//   };
#ifndef LLUDA_FRONTENDS_CHECKPOINT_READ_WEIGHT_H_
#define LLUDA_FRONTENDS_CHECKPOINT_READ_WEIGHT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "frontends/checkpoint/checkpoint.h"
#include "ir/graph.h"
#include "ir/interpreter/tensor.h"

namespace lluda::frontends {

// Copy `index` of the weight; one that is stacked is brought together. NotFound for a missing tensor;
// InvalidArgument for one of another size.
absl::StatusOr<ir::Tensor> ReadWeight(const Checkpoint& checkpoint, const ir::Global& weight,
                                      int64_t index);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_READ_WEIGHT_H_
