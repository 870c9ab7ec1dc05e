// The module that the flags ask for, without running it: for the commands that look into it.
//
//   absl::StatusOr<ImportedModel> model = ImportModel(flags.model, engine::Weights::kOptional);
//   passes::RemainingPasses(*model->module);
#ifndef LLUDA_CLI_IMPORT_FLAGS_H_
#define LLUDA_CLI_IMPORT_FLAGS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "engine/model_files.h"
#include "ir/graph.h"

namespace lluda::cli {

struct ImportedModel {
  engine::ModelFiles files;
  std::unique_ptr<ir::Module> module;  // as imported, or as --ir has it
};

// Of a folder; what MODEL is may be asked of bundle::Bundle::Looks.
absl::StatusOr<ImportedModel> ImportModel(const ModelFlags& flags, engine::Weights weights);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_IMPORT_FLAGS_H_
