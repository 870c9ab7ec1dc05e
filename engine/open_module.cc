#include "engine/open_module.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_interface.h"
#include "engine/bundle_options.h"
#include "engine/source/bundle_numbers.h"
#include "engine/source/module_text.h"
#include "ir/check/verifier.h"
#include "ir/text/parser.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::engine {
namespace {

absl::StatusOr<OpenedModule> ModuleOfBundle(const bundle::Bundle& bundle,
                                            const LoadOptions& options) {
  RETURN_IF_ERROR(CheckBundleOptions(bundle, options));
  const auto damaged = [&](absl::string_view reason) {
    return absl::InvalidArgumentError(absl::StrCat(bundle.path(), ": is damaged: ", reason));
  };
  ASSIGN_OR_RETURN(absl::string_view text, bundle.Ir());
  ASSIGN_OR_RETURN(std::unique_ptr<ir::Module> module, ir::ParseModule(text, bundle.path()));
  if (absl::Status status = ir::Verify(*module); !status.ok()) return damaged(status.message());
  for (const char* symbol : {step_interface::kTokenCount, step_interface::kCapacity}) {
    if (module->FindSymbol(symbol) != nullptr) continue;
    return damaged(absl::StrCat("its module has no symbol ", symbol));
  }
  OpenedModule opened;
  opened.module = std::move(module);
  opened.context = ContextOfBundle(bundle, options.module);
  opened.max_step = std::min(bundle.model().max_step, opened.context);
  return opened;
}

}  // namespace

absl::StatusOr<OpenedModule> OpenModule(ModelSource* source, const LoadOptions& options,
                                        Weights weights) {
  if (source->bundle() != nullptr) return ModuleOfBundle(*source->bundle(), options);
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
