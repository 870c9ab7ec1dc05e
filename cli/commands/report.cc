// lluda report: one HTML page with what every pass did, how long every kernel takes, and where
// everything lies in memory; or the data of the page.
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/report/build_report.h"
#include "tools/report/report_json.h"
#include "tools/report/report_page.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const ReportFlags& flags) {
  if (flags.output.empty() && !flags.json) {
    return absl::InvalidArgumentError("report: --output is required, or --json");
  }
  if (!flags.output.empty()) RETURN_IF_ERROR(base::CheckWritable(flags.output));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(tools::Report report,
                   tools::BuildReport(
                       std::move(options),
                       {flags.measure, flags.tokens, flags.depth, flags.model.ir_file, flags.entry},
                       LoaderOf(flags.model)));
  const std::string json = tools::ReportJson(report);
  if (!flags.output.empty()) {
    RETURN_IF_ERROR(base::WriteFile(flags.output, tools::ReportPage(json)));
  }
  return Print(flags.json ? json + "\n" : "");
}

}  // namespace lluda::cli
