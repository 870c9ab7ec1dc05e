// lluda generate: continues a text.
#include <memory>
#include <string>

#include "cli/commands/commands.h"
#include "cli/flags/generation.h"
#include "cli/flags/model_flags.h"

namespace lluda::cli {

absl::StatusOr<int> RunGenerate(const GenerateFlags& flags) {
  // Before the model, so that a wrong file name is told at once.
  absl::StatusOr<std::string> prompt = ReadPrompt(flags.prompt);
  if (!prompt.ok()) return prompt.status();
  absl::StatusOr<std::unique_ptr<engine::Model>> model = LoadModel(flags.model, true);
  if (!model.ok()) return model.status();
  return GenerateText("lluda", model->get(), flags, *prompt);
}

}  // namespace lluda::cli
