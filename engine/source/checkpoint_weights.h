// A checkpoint as the runtime's source of weights: tensors are read from the mapped files, and the
// pages of those that the load block has packed are given back. Derived tensors are made when they
// are asked for, and go when the load block is done with them. A name with a place for a number, as
// in "mlp.experts.{expert}.up_proj.weight", stands for all tensors of such a name, one behind the
// other, which are copied to memory of their own until they are released.
//
//   CheckpointWeights weights(&checkpoint);
//   executable->Load(&weights, nullptr);
#ifndef LLUDA_ENGINE_SOURCE_CHECKPOINT_WEIGHTS_H_
#define LLUDA_ENGINE_SOURCE_CHECKPOINT_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/source/quantised_tensors.h"
#include "frontends/checkpoint/checkpoint.h"
#include "ir/graph.h"
#include "runtime/executable.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

class CheckpointWeights : public runtime::WeightSource {
 public:
  // `checkpoint` must outlive this object.
  explicit CheckpointWeights(const frontends::Checkpoint* checkpoint) : checkpoint_(checkpoint) {}

  // From now on derived tensors are made by these threads, which do nothing else while Data runs and
  // must outlive its calls.
  void UseThreads(runtime::ThreadPool* pool) { pool_ = pool; }

  // From now on the tensors that this module's load block quantises are refused if they cannot be.
  void CheckQuantised(const ir::Module& module) { quantised_ = QuantisedTensorsOf(module); }

  // Asks the system to read all files ahead; returns at once.
  void Prefetch() const;

  // InvalidArgument, naming file and tensor, for another size, for blocks whose scales are infinite or no
  // numbers, and for what cannot be quantised.
  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override;
  void Release(const std::string& tensor, int64_t offset, int64_t bytes) override;

 private:
  absl::string_view FileOf(const frontends::TensorView& tensor) const;
  // Of a tensor, found by `name`, whose elements are `bytes`.
  absl::Status Check(const std::string& name, const frontends::TensorView& view,
                     absl::Span<const std::byte> bytes) const;
  absl::StatusOr<const void*> View(const std::string& tensor, int64_t bytes);

  const frontends::Checkpoint* checkpoint_;
  runtime::ThreadPool* pool_ = nullptr;
  QuantisedTensors quantised_;
  absl::flat_hash_map<std::string, frontends::TensorBytes> made_;  // derived tensors in memory
  std::map<std::string, std::vector<char>> stacks_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_CHECKPOINT_WEIGHTS_H_
