// From flags to a model. What the user named is opened once; what a command does with it, it asks
// the opened source, or hands it on in the options.
//
//   absl::StatusOr<engine::LoadOptions> options = LoadOptionsOf(flags.model);
//   (*options).source->ReadChatFormat();
//   absl::StatusOr<std::unique_ptr<engine::Model>> model =
//       LoadModel(*std::move(options), flags.model.use_cache);
#ifndef LLUDA_CLI_FLAGS_MODEL_FLAGS_H_
#define LLUDA_CLI_FLAGS_MODEL_FLAGS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"
#include "cli/flags/generation_flags.h"  // IWYU pragma: export
#include "engine/model.h"
#include "engine/open_module.h"
#include "engine/source/model_source.h"
#include "tools/eval/text_tokens.h"

namespace lluda::cli {

// The folder or the file that the first positional argument names: a folder, a file, a hub name, or
// nothing at all.
absl::StatusOr<std::string> ModelPath(const std::string& model);

// What that is, opened; `tokenizer` is the folder of another tokenizer than its own, or "".
absl::StatusOr<std::shared_ptr<engine::ModelSource>> OpenSource(const std::string& model,
                                                                const std::string& tokenizer);

// A text to measure on: the file that is named, - is stdin, or the one of the default model.
absl::StatusOr<tools::EvalText> ReadText(const std::optional<std::string>& named);

// What the flags say of loading, without progress; the source is open. InvalidArgument if flags ask
// a model that is compiled already for other numbers than its own.
absl::StatusOr<engine::LoadOptions> LoadOptionsOf(const ModelFlags& flags);

// The module of a model that is still to be compiled, before the passes that it has left; prints
// the notes of its files.
absl::StatusOr<engine::OpenedModule> OpenImported(const engine::LoadOptions& options,
                                                  engine::Weights weights);

// Whether this command has told the user of the model's notes: a model may be loaded again, with
// other options.
enum class Notes : uint8_t { kUntold, kTold };

// Loads the model, with a progress line on a terminal, and prints its notes. `use_cache`: compiled
// code of earlier runs is used and new code kept.
absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(engine::LoadOptions options,
                                                         bool use_cache,
                                                         Notes told = Notes::kUntold);
// LoadModel with the cache that the flags ask for; the first model it loads tells its notes.
std::function<absl::StatusOr<std::unique_ptr<engine::Model>>(const engine::LoadOptions&)> LoaderOf(
    const ModelFlags& flags);
// The same for what the flags say.
absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(const ModelFlags& flags,
                                                         bool need_tokenizer);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_MODEL_FLAGS_H_
