// The report's page: page/page.html with its style and scripts in it, and a report's data.
//
//   absl::Status saved = base::WriteFile("report.html", ReportPage(ReportJson(report)));
#ifndef LLUDA_TOOLS_REPORT_REPORT_PAGE_H_
#define LLUDA_TOOLS_REPORT_REPORT_PAGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lluda::tools {

// Needs nothing beside it: no other file, and no network. `json` is ReportJson's.
std::string ReportPage(absl::string_view json);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_REPORT_REPORT_PAGE_H_
