// lluda validate: compares a model with what transformers computed for it, prompt by prompt.
#include <utility>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/validate/validate_model.h"
#include "tools/validate/validate_report.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const ValidateFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(
      tools::Validation validation,
      tools::ValidateModel(std::move(options), {flags.reference, LoaderOf(flags.model)}));
  return Print(flags.json ? tools::ValidationJson(validation) : tools::ValidationText(validation),
               validation.Passed() ? 0 : 1);
}

}  // namespace lluda::cli
