// lluda generate: continues a text.
#include <memory>
#include <string>
#include <utility>

#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/draft.h"
#include "cli/flags/generation.h"
#include "cli/flags/grammar.h"
#include "cli/flags/model_flags.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const GenerateFlags& flags) {
  // Before the model, so that a wrong file name is told at once.
  if (!flags.trace_file.empty()) RETURN_IF_ERROR(base::CheckWritable(flags.trace_file));
  ASSIGN_OR_RETURN(std::string prompt, ReadPrompt(flags.prompt));
  ASSIGN_OR_RETURN(std::shared_ptr<const grammar::Grammar> grammar, GrammarOf(flags.grammar));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, LoadModel(flags.model, true));
  ASSIGN_OR_RETURN(const Draft draft, OpenDraft(flags, *model));
  return GenerateText("lluda", model.get(), flags, prompt, std::move(grammar), draft.drafter.get());
}

}  // namespace lluda::cli
