// lluda compile: a model as one file that starts in milliseconds.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "cli/terminal/progress.h"
#include "engine/compile/compile_bundle.h"
#include "tools/run/compile_report.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const CompileFlags& flags) {
  const auto beside = [&](const char* what, const char* extension) {
    if (!absl::c_linear_search(flags.emit, what)) return std::string();
    return std::filesystem::path(flags.output).replace_extension(extension).string();
  };
  const engine::BundleOutputs outputs{flags.output, beside("object", ".o"), beside("header", ".h")};
  for (const std::string& output : {outputs.bundle, outputs.object, outputs.header}) {
    if (!output.empty()) RETURN_IF_ERROR(base::CheckWritable(output));
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  options.module.pages = options.module.result == engine::StepResult::kLogits;  // for a server
  std::vector<std::string> notes;
  {
    ProgressLine progress("packing");
    options.need_tokenizer = false;
    options.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
    RETURN_IF_ERROR(engine::CompileBundle(options, outputs, &notes));
  }
  PrintNotes("lluda", notes);
  if (!flags.json) return 0;
  ASSIGN_OR_RETURN(tools::CompileReport report, tools::ReportOf(outputs));
  return Print(tools::CompileJson(report));
}

}  // namespace lluda::cli
