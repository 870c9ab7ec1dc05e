// The tensors of a checkpoint that a module's load block puts into blocks, and whether their numbers can be:
// quantisers make a block of anything, and what a number that is not finite leaves there looks like others.
//
//   QuantisedTensors quantised = QuantisedTensorsOf(*module);
//   // {{"model.layers.0.mlp.up_proj.weight", {ir::DType::kQ4_0}}, ...}
//   absl::Status status = CheckQuantises(ir::DType::kBF16, bytes, ir::DType::kQ4_0, nullptr);
//   // "number 102 is nan, which q4_0 cannot hold"
#ifndef LLUDA_ENGINE_SOURCE_QUANTISED_TENSORS_H_
#define LLUDA_ENGINE_SOURCE_QUANTISED_TENSORS_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "frontends/checkpoint/derived_tensor.h"
#include "ir/graph.h"
#include "ir/type/dtype.h"

namespace lluda::engine {

// By their names in the checkpoint, what each becomes.
using QuantisedTensors = std::map<std::string, std::set<ir::DType>>;

// Those whose numbers a quantize_blocks of the load block reads, cast and put in another order at most.
QuantisedTensors QuantisedTensorsOf(const ir::Module& module);

// InvalidArgument where one of the floats, which are of whole blocks, is infinite or no number, or where a
// scale of their blocks overflows: the first of them, whatever `run` does side by side; null is this thread.
absl::Status CheckQuantises(ir::DType from, absl::Span<const std::byte> floats, ir::DType to,
                            const frontends::RunRows& run);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_QUANTISED_TENSORS_H_
