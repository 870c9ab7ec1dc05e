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
#include "frontends/checkpoint/checkpoint.h"
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

  // Asks the system to read all files ahead; returns at once.
  void Prefetch() const;

  // InvalidArgument, naming file and tensor, for another size, and for blocks whose scales are
  // infinite or no numbers.
  absl::StatusOr<const void*> Data(const std::string& tensor, int64_t bytes) override;
  void Release(const std::string& tensor, int64_t offset, int64_t bytes) override;

 private:
  absl::string_view FileOf(const frontends::TensorView& tensor) const;
  absl::StatusOr<const void*> View(const std::string& tensor, int64_t bytes);

  const frontends::Checkpoint* checkpoint_;
  runtime::ThreadPool* pool_ = nullptr;
  absl::flat_hash_map<std::string, frontends::TensorBytes> made_;  // derived tensors in memory
  std::map<std::string, std::vector<char>> stacks_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_SOURCE_CHECKPOINT_WEIGHTS_H_
