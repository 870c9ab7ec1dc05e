#include "cli/flags/bundle.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bundle/layout.h"
#include "cli/terminal/output.h"

namespace lluda::cli {

absl::StatusOr<std::unique_ptr<engine::Model>> OpenBundle(const char* program,
                                                          const ModelFlags& flags) {
  engine::LoadOptions options;
  options.folder = flags.model;
  options.module.context = flags.context.value_or(0);
  options.threads = flags.threads;
  options.check_weights = flags.check;
  options.force = flags.force;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model, engine::Model::OpenBundle(options));
  PrintNotes(program, model->notes());
  return model;
}

std::string BundleVersionText(const char* program) {
  return absl::StrCat(program, " ", bundle::kLludaVersion, ", for bundles of format ",
                      bundle::kFormat);
}

}  // namespace lluda::cli
