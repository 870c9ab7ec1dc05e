// The front half of compiling: from a folder to the module that the code generator takes.
//
//   absl::StatusOr<OptimisedModule> optimised = ImportAndOptimise(options, &stats);
//   codegen::Compile(*optimised->module, target, {});
#ifndef LLUDA_ENGINE_OPTIMISED_MODULE_H_
#define LLUDA_ENGINE_OPTIMISED_MODULE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "engine/checkpoint_weights.h"
#include "engine/model.h"
#include "engine/model_files.h"
#include "ir/graph.h"

namespace lluda::engine {

struct OptimisedModule {
  std::unique_ptr<ModelFiles> files;
  std::unique_ptr<CheckpointWeights> weights;  // reads from `files`; the system reads them ahead
  std::unique_ptr<ir::Module> module;
  int64_t context = 0;
  int64_t max_step = 0;
};

// Imports the model of options.folder, or reads options.ir instead, and runs the default passes or
// those that the text has not gone through. Fills in the times of both.
absl::StatusOr<OptimisedModule> ImportAndOptimise(const LoadOptions& options, LoadStats* stats);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_OPTIMISED_MODULE_H_
