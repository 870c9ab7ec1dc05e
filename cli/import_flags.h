// The module that the flags ask for, without running it: for the commands that look into it.
//
//   absl::StatusOr<ImportedModel> model = ImportModel(flags.model, engine::Weights::kOptional);
//   if (absl::Status status = RunRemainingPasses(model->module.get()); ...
#ifndef LLUDA_CLI_IMPORT_FLAGS_H_
#define LLUDA_CLI_IMPORT_FLAGS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "engine/model_files.h"
#include "ir/graph.h"

namespace lluda::cli {

struct ImportedModel {
  engine::ModelFiles files;
  std::unique_ptr<ir::Module> module;  // as imported, or as --ir has it
};

absl::StatusOr<ImportedModel> ImportModel(const ModelFlags& flags, engine::Weights weights);

// What of the default pipeline the module has not gone through.
absl::Status RunRemainingPasses(ir::Module* module);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_IMPORT_FLAGS_H_
