// From flags to what the engine wants, and from its numbers to a report.
//
//   absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, true);
//   runtime::SamplerOptions sampler = SamplerOf(flags.sampler, (*model)->DefaultSampler());
#ifndef LLUDA_CLI_MODEL_FLAGS_H_
#define LLUDA_CLI_MODEL_FLAGS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/arguments.h"
#include "engine/model.h"
#include "engine/session.h"
#include "runtime/sampler.h"

namespace lluda::cli {

// The folder that the first positional argument names.
absl::StatusOr<std::string> ModelFolder(const std::string& model);

absl::StatusOr<engine::ModuleOptions> ModuleOptionsOf(const ModelFlags& flags);

// The dump that --ir names, if it does.
absl::StatusOr<std::optional<engine::ModuleText>> IrFileOf(const ModelFlags& flags);

// Loads the model, with a progress line on a terminal.
absl::StatusOr<std::unique_ptr<engine::Model>> LoadModel(const ModelFlags& flags,
                                                         bool need_tokenizer,
                                                         bool record_activations = false);

// `defaults` with the flags that were given. Who asks for top-k, top-p or min-p but not for a
// temperature wants draws: where the default is greedy, the temperature becomes 1.
runtime::SamplerOptions SamplerOf(const SamplerFlags& flags, runtime::SamplerOptions defaults);

// The text of -p or -f; stdin if neither is given and stdin is no terminal. InvalidArgument if that
// leaves no prompt.
absl::StatusOr<std::string> ReadPrompt(const PromptFlags& flags);

// Times, speed and memory: lines for stderr, or fields of an open JSON object.
std::string StatsText(const engine::Model& model, const engine::Session& session,
                      const engine::Generation& generation);
class JsonWriter;
void StatsJson(const engine::Model& model, const engine::Session& session,
               const engine::Generation& generation, JsonWriter* json);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_MODEL_FLAGS_H_
