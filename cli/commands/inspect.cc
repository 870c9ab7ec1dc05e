// lluda inspect: what a model's files hold, and what is odd about them.
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/inspect/file_report.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const InspectFlags& flags) {
  ASSIGN_OR_RETURN(const std::string path, ModelPath(flags.model));
  ASSIGN_OR_RETURN(const tools::FileReport report, tools::InspectFiles(path));
  return Print(flags.json ? tools::FileReportJson(report) : tools::FileReportText(report));
}

}  // namespace lluda::cli
