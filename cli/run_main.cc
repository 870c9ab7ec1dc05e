// lluda-run: continues a text with a bundle that `lluda compile` wrote. It links no compiler.
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "cli/flags/arguments.h"
#include "cli/flags/generation.h"
#include "cli/flags/generation_flags.h"
#include "cli/terminal/exit_code.h"
#include "cli/terminal/output.h"
#include "cli/terminal/process.h"
#include "engine/model.h"

namespace lluda::cli {
namespace {

absl::StatusOr<int> Run(const GenerateFlags& flags) {
  ASSIGN_OR_RETURN(std::string prompt, ReadPrompt(flags.prompt));
  engine::LoadOptions options;
  options.folder = flags.model.model;
  options.module.context = flags.model.context.value_or(0);
  options.threads = flags.model.threads;
  options.check_weights = flags.model.check;
  options.force = flags.model.force;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, engine::Model::OpenBundle(options));
  PrintNotes("lluda-run", model->notes());
  return GenerateText("lluda-run", model.get(), flags, prompt, /*grammar=*/nullptr);
}

std::string RunVersionText() {
  return absl::StrCat("lluda-run ", bundle::kLludaVersion, ", for bundles of format ",
                      bundle::kFormat);
}

}  // namespace
}  // namespace lluda::cli

int main(int argc, char** argv) {
  return lluda::cli::RunProcess([&] {
    const lluda::cli::RunParseResult parsed =
        lluda::cli::ParseRunArguments(argc, argv, lluda::cli::RunVersionText);
    if (parsed.exit_code) return *parsed.exit_code;
    return lluda::cli::ExitCodeOf("lluda-run", lluda::cli::Run(parsed.flags));
  });
}
