// From flags to a model.
//
//   absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, true);
#ifndef LLUDA_CLI_MODEL_FLAGS_H_
#define LLUDA_CLI_MODEL_FLAGS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "cli/generation_flags.h"  // IWYU pragma: export
#include "engine/model.h"
#include "engine/model_files.h"

namespace lluda::cli {

// The folder, or the bundle, that the first positional argument names.
absl::StatusOr<std::string> ModelFolder(const std::string& model);

// What the model is compiled for; of a bundle, what it was. InvalidArgument if flags ask a bundle
// for other numbers than its own.
absl::StatusOr<engine::ModuleOptions> ModuleOptionsOf(const ModelFlags& flags);

// What the flags say of loading, without progress.
absl::StatusOr<engine::LoadOptions> LoadOptionsOf(const ModelFlags& flags);

// The dump that --ir names, if it does.
absl::StatusOr<std::optional<engine::ModuleText>> IrFileOf(const ModelFlags& flags);

// Tells the user of a model's files what engine::Model::notes has, on stderr.
void PrintNotes(const std::vector<std::string>& notes);

// Loads the model, with a progress line on a terminal, and prints its notes.
absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(const ModelFlags& flags,
                                                         bool need_tokenizer,
                                                         bool record_activations = false);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_MODEL_FLAGS_H_
