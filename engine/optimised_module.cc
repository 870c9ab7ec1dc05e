#include "engine/optimised_module.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/step_interface.h"
#include "engine/module_text.h"
#include "engine/stopwatch.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::engine {

absl::StatusOr<OptimisedModule> ImportAndOptimise(const LoadOptions& options, LoadStats* stats) {
  Stopwatch watch;
  OptimisedModule result;
  absl::StatusOr<ModelFiles> files = OpenModelFiles(options.folder, Weights::kRequired);
  if (!files.ok()) return files.status();
  result.files = std::make_unique<ModelFiles>(*std::move(files));
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      options.ir ? ParseModuleFor(*result.files, *options.ir)
                 : ImportModule(*result.files, options.module);
  if (!module.ok()) return module.status();
  result.module = *std::move(module);
  // The cache is as long as the module says, rounded up to whole blocks where it was imported.
  result.context = options.ir ? std::min(result.module->FindSymbol(step_interface::kCapacity)->max,
                                         result.files->config.max_position_embeddings)
                              : *ContextOf(result.files->config, options.module);
  result.max_step =
      std::min(result.module->FindSymbol(step_interface::kTokenCount)->max, result.context);
  result.weights = std::make_unique<CheckpointWeights>(&*result.files->checkpoint);
  result.weights->Prefetch();
  stats->import_seconds = watch.Lap();

  absl::StatusOr<std::vector<std::string>> names = passes::RemainingPasses(*result.module);
  if (!names.ok()) return names.status();
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(*names, {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(result.module.get()); !reports.ok()) return reports.status();
  stats->passes_seconds = watch.Lap();
  return result;
}

}  // namespace lluda::engine
