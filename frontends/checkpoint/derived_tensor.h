// A tensor that no file holds as it is: what some of a checkpoint's tensors mean together. It is
// made when it is read.
//
// Example: rows of 4-bit numbers with their scales, out of a qweight, a qzeros and scales that lie
// otherwise (frontends/quantised).
#ifndef LLUDA_FRONTENDS_CHECKPOINT_DERIVED_TENSOR_H_
#define LLUDA_FRONTENDS_CHECKPOINT_DERIVED_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "frontends/checkpoint/tensor_file.h"

namespace lluda::frontends {

struct DerivedTensor {
  TensorView view;  // its data is null
  // Writes the rows [begin, end) of the first axis to `rows`, whatever else is written meanwhile. An
  // error names file, tensor and reason.
  std::function<absl::Status(int64_t begin, int64_t end, std::byte* rows)> write;
  std::vector<TensorView> parts;  // what it is made of
};

// Runs body(begin, end) over [0, items), in any order and perhaps side by side.
using RunRows =
    std::function<void(int64_t items, const std::function<void(int64_t begin, int64_t end)>& body)>;

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_CHECKPOINT_DERIVED_TENSOR_H_
