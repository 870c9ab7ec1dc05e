// lluda explain: of each statement that a step runs, where it came from, what it costs and how long
// it takes, measured against the machine's limits; and which fusions nearly fired.
#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "tools/inspect/explain_report.h"
#include "tools/inspect/explain_run.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/pass_history.h"
#include "tools/ir/keep_entry.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const ExplainFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  ASSIGN_OR_RETURN(tools::OptimisedModel optimised,
                   tools::OpenOptimised(options, engine::Weights::kRequired));
  if (!flags.entry.empty()) {
    RETURN_IF_ERROR(tools::CheckEntry(flags.entry, *optimised.module));
    RETURN_IF_ERROR(tools::CheckDepth(flags.entry, flags.depth));
    tools::KeepMissesOf(*optimised.module->FindFunc(flags.entry), &optimised.history);
  }
  options.optimised = &optimised;
  options.need_tokenizer = false;
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  ASSIGN_OR_RETURN(const tools::ExplainedRun run,
                   tools::ExplainedRunOf(flags.entry, flags.tokens, flags.depth, model->context()));
  ASSIGN_OR_RETURN(std::vector<tools::ExplainReport> reports,
                   tools::ExplainRuns(optimised, {run}, model.get()));
  return Print(flags.json ? tools::ExplainJson(reports.front())
                          : tools::ExplainText(reports.front()));
}

}  // namespace lluda::cli
