// Runs a model and tells of each statement what it costs and how long it takes.
//
//   ExplainedRun one_token{/*depth=*/128, /*tokens=*/1};
//   auto reports = ExplainRuns(*optimised, {one_token}, model->get());
//   WriteStdout(ExplainText(reports->front()));
//   ExplainedRun window{0, 0, "audio"};
#ifndef LLUDA_TOOLS_INSPECT_EXPLAIN_RUN_H_
#define LLUDA_TOOLS_INSPECT_EXPLAIN_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/step_interface.h"
#include "engine/model.h"
#include "tools/inspect/explain_report.h"
#include "tools/inspect/optimised_model.h"

namespace lluda::tools {

// Of the step, a sequence of `tokens` after `depth` others, which are not counted; together at most
// the model's context. Another entry is run once, on arguments as tools/inspect/entry_arguments.h
// makes them up.
struct ExplainedRun {
  int64_t depth = 0;
  int64_t tokens = 1;
  std::string entry = step_interface::kStep;  // that the module has
  std::optional<int64_t> rows = {};  // of sound, of another entry; unset: as many as it takes
};

// What the flags of `lluda explain` ask for: an entry, "" for the step; of a step the tokens of a prompt,
// or one token after `depth` others, 128 if that is not given. InvalidArgument, which names the flag,
// where the context does not hold them.
absl::StatusOr<ExplainedRun> ExplainedRunOf(const std::string& entry, std::optional<int64_t> tokens,
                                            std::optional<int64_t> depth, int64_t context);

// A report for each run, in order; errors are those of the arguments and of running. `optimised` is
// what `model` was compiled from. The machine's limits are measured in turns with each run; of a GPU,
// its memory's once, and its arithmetic's are what its makers say.
absl::StatusOr<std::vector<ExplainReport>> ExplainRuns(const OptimisedModel& optimised,
                                                       const std::vector<ExplainedRun>& runs,
                                                       engine::Model* model);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_INSPECT_EXPLAIN_RUN_H_
