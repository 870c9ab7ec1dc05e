#include "tools/report/report_page.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/report/report_page_source.h"

namespace lluda::tools {

std::string ReportPage(absl::string_view json) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(absl::StripLeadingAsciiWhitespace(kReportPage), absl::MaxSplits("@data@", 1));
  return absl::StrCat(parts.first, json, parts.second);
}

}  // namespace lluda::tools
