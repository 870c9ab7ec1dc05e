#include "cli/import_flags.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bundle/reader.h"
#include "cli/model_flags.h"
#include "engine/module_text.h"
#include "passes/default_pipeline.h"
#include "passes/pipeline.h"

namespace lluda::cli {

absl::StatusOr<ImportedModel> ImportModel(const ModelFlags& flags, engine::Weights weights) {
  absl::StatusOr<std::string> folder = ModelFolder(flags.model);
  if (!folder.ok()) return folder.status();
  if (bundle::Bundle::Looks(*folder)) {
    return absl::InvalidArgumentError(absl::StrCat(
        *folder, ": is compiled already; name the folder that the bundle was made from"));
  }
  absl::StatusOr<engine::ModelFiles> files = engine::OpenModelFiles(*folder, weights);
  if (!files.ok()) return files.status();
  absl::StatusOr<engine::ModuleOptions> options = ModuleOptionsOf(flags);
  if (!options.ok()) return options.status();
  absl::StatusOr<std::optional<engine::ModuleText>> ir = IrFileOf(flags);
  if (!ir.ok()) return ir.status();
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      *ir ? engine::ParseModuleFor(*files, **ir) : engine::ImportModule(*files, *options);
  if (!module.ok()) return module.status();
  return ImportedModel{*std::move(files), *std::move(module)};
}

absl::Status RunRemainingPasses(ir::Module* module) {
  absl::StatusOr<std::vector<std::string>> names = passes::RemainingPasses(*module);
  if (!names.ok()) return names.status();
  absl::StatusOr<passes::Pipeline> pipeline = passes::Pipeline::Create(*names, {});
  if (!pipeline.ok()) return pipeline.status();
  return pipeline->Run(module).status();
}

}  // namespace lluda::cli
