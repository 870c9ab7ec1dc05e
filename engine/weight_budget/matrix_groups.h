// The matrices of a model that may be quantised, in groups that get one type each: those of one role in
// neighbouring layers. A group's types come with their size and how far they move the numbers.
//
//   absl::StatusOr<std::vector<MatrixGroup>> groups = GroupMatrices(*files, options, &pool);
//   groups->at(1).name;   // "layers 0-6, q k"
//
// A large model has four such ranges of layers, so that it has few functions and few groups to measure;
// one of at most four layers has each apart. Matrices that read one input and are multiplied in one kernel
// (q and k, gate and up) are one role.
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_MATRIX_GROUPS_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_MATRIX_GROUPS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/source/model_files.h"
#include "engine/source/module_options.h"
#include "frontends/decoder/weights/weight_table.h"
#include "frontends/weight_types.h"
#include "ir/type/dtype.h"
#include "runtime/machine/thread_pool.h"

namespace lluda::engine {

// The type by which a group's sensitivity is measured: its blocks fit all rows that any fit.
inline constexpr ir::DType kProbeType = ir::DType::kQ4_0;

struct SizedType {
  std::optional<ir::DType> type;  // none: as the checkpoint has it
  int64_t bytes = 0;              // as files hold it; of a type that stays, as it is multiplied
  double error = 0;               // WeightError::Relative
};

struct MatrixGroup {
  std::string name;
  std::vector<frontends::decoder::Matrix> matrices;
  std::vector<SizedType> types;  // the first is none

  int64_t elements() const;
  // Quantises them to `type`, or leaves them.
  void Put(std::optional<ir::DType> type, frontends::WeightTypes* types_of) const;
};

// The groups of matrices that are floats in rows of whole blocks, in the order of the model's weights.
// InvalidArgument for a model that has none; errors of importing it and reading its tensors. The same for
// any number of threads.
absl::StatusOr<std::vector<MatrixGroup>> GroupMatrices(const ModelFiles& files,
                                                       const ModuleOptions& options,
                                                       runtime::ThreadPool* pool);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_MATRIX_GROUPS_H_
