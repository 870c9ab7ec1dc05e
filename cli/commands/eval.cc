// lluda eval: how well a model predicts a text, and how far it is from another one. lluda imatrix: what
// the text tells of the columns of its matrices.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/files/whole_file.h"
#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/terminal/output.h"
#include "cli/terminal/progress.h"
#include "runtime/machine/interrupt.h"
#include "tools/eval/eval_report.h"
#include "tools/eval/evaluate.h"
#include "tools/eval/measure_importance.h"

namespace lluda::cli {
namespace {

// The other model, with its own numbers, if one is asked for.
std::optional<ModelFlags> AgainstOf(const EvalFlags& flags) {
  const ModelFlags& other = flags.against;
  if (other.model + other.precision + other.kv_cache + other.weights + other.activations == "") {
    return std::nullopt;
  }
  ModelFlags against = flags.model;
  if (!other.model.empty()) against.model = other.model;
  static_cast<NumberFlags&>(against) = other;
  return against;
}

}  // namespace

absl::StatusOr<int> Run(const EvalFlags& flags) {
  // Before the models, so that a wrong file name is told at once.
  ASSIGN_OR_RETURN(const tools::EvalText text, ReadText(flags.file));
  tools::EvalReport report;
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  report.subject = tools::SubjectOf(options);
  const std::optional<ModelFlags> against_flags = AgainstOf(flags);
  engine::LoadOptions against_options;
  if (against_flags) {
    ASSIGN_OR_RETURN(against_options, LoadOptionsOf(*against_flags));
    against_options.need_tokenizer = false;
    report.against = tools::SubjectOf(against_options);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  std::unique_ptr<engine::Model> against;
  if (against_flags) {
    const Notes told = flags.against.model.empty() ? Notes::kTold : Notes::kUntold;
    ASSIGN_OR_RETURN(against, LoadModel(std::move(against_options), flags.model.use_cache, told));
  }
  const runtime::Interrupt interrupt;
  tools::EvalOptions eval;
  eval.window = flags.model.context.value_or(0);
  eval.stride = flags.stride.value_or(0);
  eval.cancel = interrupt.flag();
  {
    ProgressLine progress("evaluating");
    eval.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
    ASSIGN_OR_RETURN(report.evaluation, tools::Evaluate(model.get(), against.get(), text, eval));
  }
  return Print(flags.json ? tools::EvalReportJson(report) : tools::EvalReportText(report),
               report.evaluation.is_complete() ? 0 : runtime::kInterruptedExitCode);
}

absl::StatusOr<int> Run(const ImatrixFlags& flags) {
  RETURN_IF_ERROR(base::CheckWritable(flags.output));
  ASSIGN_OR_RETURN(const tools::EvalText text, ReadText(flags.file));
  ASSIGN_OR_RETURN(engine::LoadOptions options, LoadOptionsOf(flags.model));
  options.module = tools::ImportanceModule(options.module);
  const std::shared_ptr<engine::ModelSource> source = options.source;
  ASSIGN_OR_RETURN(const engine::ModelFiles* files, source->Files(engine::Weights::kRequired));
  ASSIGN_OR_RETURN(std::unique_ptr<engine::Model> model,
                   LoadModel(std::move(options), flags.model.use_cache));
  const runtime::Interrupt interrupt;
  tools::EvalOptions eval;
  eval.window = flags.model.context.value_or(0);
  eval.cancel = interrupt.flag();
  ProgressLine progress("reading");
  eval.progress = [&](int64_t done, int64_t total) { progress.Show(done, total); };
  ASSIGN_OR_RETURN(const auto importance,
                   tools::MeasureImportance(model.get(), *files, text, eval));
  RETURN_IF_ERROR(base::WriteFile(flags.output, frontends::gguf::ImportanceFile(importance)));
  return Print(tools::ImportanceText(importance, flags.output));
}

}  // namespace lluda::cli
