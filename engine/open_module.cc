#include "engine/open_module.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "base/step_interface.h"
#include "engine/bundle_module.h"
#include "engine/bundle_options.h"
#include "engine/source/bundle_numbers.h"
#include "engine/source/module_text.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::engine {
namespace {

absl::StatusOr<OpenedModule> OpenBundleModule(const bundle::Bundle& bundle,
                                              const LoadOptions& options) {
  RETURN_IF_ERROR(CheckBundleOptions(bundle, options));
  OpenedModule opened;
  ASSIGN_OR_RETURN(opened.module, ModuleOfBundle(bundle));
  opened.context = ContextOfBundle(bundle, options.module);
  opened.max_step = std::min(bundle.model().max_step, opened.context);
  return opened;
}

}  // namespace

absl::StatusOr<OpenedModule> OpenModule(ModelSource* source, const LoadOptions& options,
                                        Weights weights) {
  if (source->bundle() != nullptr) return OpenBundleModule(*source->bundle(), options);
  ASSIGN_OR_RETURN(const ModelFiles* files, source->Files(weights));
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, options.ir
                                                           ? ParseModuleFor(*files, *options.ir)
                                                           : ImportModule(*files, options.module));
  OpenedModule opened;
  opened.module = std::move(module);
  // The cache is as long as the module says, rounded up to whole blocks where it was imported.
  opened.context = options.ir ? std::min(opened.module->FindSymbol(step_interface::kCapacity)->max,
                                         files->decoder.max_position_embeddings)
                              : *ContextOf(files->decoder, options.module);
  opened.max_step =
      std::min(opened.module->FindSymbol(step_interface::kTokenCount)->max, opened.context);
  return opened;
}

absl::Status RunRemainingPasses(ir::Module* module, Device device) {
  ASSIGN_OR_RETURN(std::vector<std::string> names, passes::RemainingPasses(*module));
  passes::PipelineOptions options;
  if (device != Device::kCpu) options.passes.device = machine::DeviceKind::kGpu;
  ASSIGN_OR_RETURN(passes::Pipeline pipeline, passes::Pipeline::Create(names, options));
  return pipeline.Run(module).status();
}

}  // namespace lluda::engine
