// lluda serve: one model, many clients. SIGTERM and SIGINT let what has begun come to its end; a
// second one ends the process at once.
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/flags/serving.h"
#include "tools/inspect/optimised_model.h"
#include "tools/inspect/step_reads.h"

namespace lluda::cli {
namespace {

// What a server's model is compiled for: texts share pages, vectors have none to share.
absl::StatusOr<engine::LoadOptions> ServedOptionsOf(const ServeFlags& flags) {
  ModelFlags wanted = flags.model;
  if (flags.embeddings) {
    wanted.result = std::string(engine::StepResultName(engine::StepResult::kHidden));
  }
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(wanted));
  options.module.pages = !flags.embeddings;
  return options;
}

absl::StatusOr<ToServe> Open(const ServeFlags& flags) {
  ASSIGN_OR_RETURN(engine::LoadOptions options, ServedOptionsOf(flags));
  options.identify = true;
  ASSIGN_OR_RETURN(const tools::OptimisedModel optimised,
                   tools::OpenOptimised(options, engine::Weights::kRequired));
  options.optimised = &optimised;  // the passes run once
  ToServe opened;
  opened.reads = tools::ReadsOf(*optimised.module);
  ASSIGN_OR_RETURN(opened.model, LoadModel(std::move(options), flags.model.use_cache));
  return opened;
}

}  // namespace

absl::StatusOr<int> Run(const ServeFlags& flags) {
  return Serve("lluda", flags, [&] { return Open(flags); });
}

}  // namespace lluda::cli
