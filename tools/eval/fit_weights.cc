#include "tools/eval/fit_weights.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "engine/source/model_files.h"
#include "engine/weight_budget/budget.h"
#include "engine/weight_budget/chosen_text.h"
#include "engine/weight_budget/matrix_groups.h"
#include "engine/weight_budget/search_types.h"
#include "runtime/loaded_program.h"
#include "runtime/machine/thread_pool.h"
#include "tools/eval/evaluate.h"

namespace lluda::tools {
namespace {

// Tokens of the text: as many as take about so many multiplications by matrices, within these limits, and
// as have logits of at most so many bytes.
constexpr int64_t kMultiplications = int64_t{300} << 30;
constexpr int64_t kLeastTokens = 256;
constexpr int64_t kMostTokens = 4096;
constexpr int64_t kTimed = 3;  // the measurement by which the time of the others is guessed
constexpr int64_t kLogitBytes = int64_t{320} << 20;

int64_t TokensFor(const std::vector<engine::MatrixGroup>& groups, int64_t vocabulary) {
  int64_t elements = 0;
  for (const engine::MatrixGroup& group : groups) elements += group.elements();
  const int64_t affordable = std::clamp(kMultiplications / elements, kLeastTokens, kMostTokens);
  return std::min(affordable, kLogitBytes / (vocabulary * int64_t{sizeof(float)}));
}

// Of all weights, as a bundle would hold them.
int64_t WeightBytes(const runtime::Program& program) {
  int64_t bytes = program.loaded_bytes;
  for (const auto& kept : runtime::MakeLoadedProgram(program).kept) {
    bytes += program.weights[kept.weight].bytes;
  }
  return bytes;
}

// Runs the model with other weights, and compares it with what it was at first.
class Measurer {
 public:
  Measurer(const FitOptions& fit, engine::LoadOptions options, int64_t tokens)
      : fit_(fit), options_(std::move(options)) {
    options_.module.weights.reset();
    options_.module.result = engine::StepResult::kLogits;
    options_.need_tokenizer = true;
    eval_.tokens = tokens;
  }

  absl::StatusOr<engine::MixtureMeasure> Run(const frontends::WeightTypes& types) {
    options_.module.tensor_weights = types;
    ASSIGN_OR_RETURN(const std::unique_ptr<engine::Model> model, fit_.load(options_));
    const bool is_first = plain_.empty();
    eval_.keep_logits = is_first ? &plain_ : nullptr;
    eval_.against_logits = plain_;
    ASSIGN_OR_RETURN(const Evaluation evaluation, Evaluate(model.get(), nullptr, fit_.text, eval_));
    engine::MixtureMeasure measure;
    measure.positions = static_cast<int64_t>(evaluation.positions.size());
    measure.kl = is_first ? 0 : evaluation.MeanKl();
    measure.same_top = is_first ? measure.positions : evaluation.SameTop();
    measure.bytes = WeightBytes(model->executable()->program());
    return measure;
  }

 private:
  const FitOptions& fit_;
  engine::LoadOptions options_;
  EvalOptions eval_;
  std::vector<float> plain_;  // the logits of the first run
};

}  // namespace

absl::Status CheckBudget(absl::string_view weights, absl::string_view budget) {
  if ((weights == engine::kAutoWeights) == !budget.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--weights auto and --budget go together");
}

absl::Status FitWeights(const FitOptions& fit, engine::LoadOptions* options) {
  engine::SearchOptions search;
  ASSIGN_OR_RETURN(search.budget, engine::ParseBudget(fit.budget));
  ASSIGN_OR_RETURN(const engine::ModelFiles* files,
                   options->source->Files(engine::Weights::kRequired));
  ASSIGN_OR_RETURN(const int threads, engine::ThreadsOf(*options));
  engine::ModuleOptions module = options->module;
  module.result = engine::StepResult::kLogits;
  runtime::ThreadPool pool(threads);
  ASSIGN_OR_RETURN(const std::vector<engine::MatrixGroup> groups,
                   engine::GroupMatrices(*files, module, &pool));
  Measurer measurer(fit, *options, TokensFor(groups, files->decoder.vocab_size));
  base::Stopwatch watch;
  search.measure = [&](const frontends::WeightTypes& types) { return measurer.Run(types); };
  search.progress = [&](int64_t done, int64_t total) {
    // The first measurements compile kernels that others find compiled, and tell whether a size can be met.
    const double seconds = watch.Lap();
    if (done == kTimed && fit.note) {
      fit.note(absl::StrFormat("choosing types for %d groups of matrices, about %.0f s\n",
                               groups.size(), seconds * static_cast<double>(total - done)));
    }
    if (fit.progress) fit.progress(done, total);
  };
  ASSIGN_OR_RETURN(engine::FoundTypes found, engine::SearchTypes(groups, search));
  found.chosen.text = fit.text.name;
  if (fit.note) fit.note(engine::ChosenText(found.chosen));
  options->module.tensor_weights = std::move(found.types);
  options->module.chosen =
      std::make_shared<const frontends::ChosenWeights>(std::move(found.chosen));
  return absl::OkStatus();
}

}  // namespace lluda::tools
