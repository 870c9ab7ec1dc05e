// Finds out all that a report shows of a model: runs the passes, compiles it and, unless times are
// not asked for, runs it.
//
//   absl::StatusOr<Report> report = BuildReport(options, {}, load);
//   base::WriteFile("report.html", ReportPage(ReportJson(*report)));
#ifndef LLUDA_TOOLS_REPORT_BUILD_REPORT_H_
#define LLUDA_TOOLS_REPORT_BUILD_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "engine/model.h"
#include "tools/inspect/optimised_model.h"
#include "tools/report/report_json.h"

namespace lluda::tools {

struct ReportOptions {
  bool measure = true;
  std::optional<int64_t>
      tokens;  // of the prompt that is run; unset: 512, or the context. Of another
               // entry than the step, rows of sound; unset: as many as it takes
  std::optional<int64_t> depth;  // before the single token that is run; unset: 128, if they fit
  std::string ir_file;           // what the dump in the options is called
  std::string entry = {};        // looked at alone; empty: all, of which the step is run
};

// `options.source` is open. Errors are those of OpenOptimised, of loading and of running;
// InvalidArgument, which names the flag, for more tokens than there is room for, and for an entry that
// the model lacks.
absl::StatusOr<Report> BuildReport(engine::LoadOptions options, const ReportOptions& report,
                                   const ModelLoader& load);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_REPORT_BUILD_REPORT_H_
