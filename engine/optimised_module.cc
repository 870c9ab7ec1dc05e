#include "engine/optimised_module.h"

#include <algorithm>
#include <utility>

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
  absl::StatusOr<std::unique_ptr<ir::Module>> module = ImportModule(*result.files, options.module);
  if (!module.ok()) return module.status();
  result.module = *std::move(module);
  result.context = *ContextOf(result.files->config, options.module);
  result.max_step = std::min(options.module.max_step, result.context);
  result.weights = std::make_unique<CheckpointWeights>(&*result.files->checkpoint);
  result.weights->Prefetch();
  stats->import_seconds = watch.Lap();

  absl::StatusOr<passes::Pipeline> pipeline =
      passes::Pipeline::Create(passes::DefaultPipeline(), {});
  if (!pipeline.ok()) return pipeline.status();
  if (auto reports = pipeline->Run(result.module.get()); !reports.ok()) return reports.status();
  stats->passes_seconds = watch.Lap();
  return result;
}

}  // namespace lluda::engine
