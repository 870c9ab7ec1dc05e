#include "cli/import_flags.h"

#include <optional>
#include <string>
#include <utility>

#include "cli/model_flags.h"
#include "engine/module_text.h"

namespace lluda::cli {

absl::StatusOr<ImportedModel> ImportModel(const ModelFlags& flags, engine::Weights weights) {
  absl::StatusOr<std::string> folder = ModelFolder(flags.model);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<engine::ModelFiles> files = engine::OpenModelFiles(*folder, weights);
  if (!files.ok()) return files.status();
  PrintNotes(files->notes);
  absl::StatusOr<engine::ModuleOptions> options = ModuleOptionsOf(flags);
  if (!options.ok()) return options.status();
  absl::StatusOr<std::optional<engine::ModuleText>> ir = IrFileOf(flags);
  if (!ir.ok()) return ir.status();
  absl::StatusOr<std::unique_ptr<ir::Module>> module =
      *ir ? engine::ParseModuleFor(*files, **ir) : engine::ImportModule(*files, *options);
  if (!module.ok()) return module.status();
  return ImportedModel{*std::move(files), *std::move(module)};
}

}  // namespace lluda::cli
