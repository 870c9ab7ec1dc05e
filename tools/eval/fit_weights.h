// Chooses block dtypes for a model's matrices within a budget, by running it on a text: what
// `--weights auto --budget kl=0.01` does.
//
//   FitOptions fit;
//   fit.budget = "kl=0.01";
//   fit.text = {"stories.txt", contents};
//   fit.load = engine::Model::Load;
//   absl::Status status = FitWeights(fit, &options);   // options.module.tensor_weights, .chosen
//
// How types are chosen, engine/weight_budget/search_types.h says; numbers are those of `lluda eval` on the
// first tokens of the text, against the model as it is: a few thousand of a small model, some hundreds of a
// large one.
#ifndef LLUDA_TOOLS_EVAL_FIT_WEIGHTS_H_
#define LLUDA_TOOLS_EVAL_FIT_WEIGHTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/model.h"
#include "tools/eval/text_tokens.h"

namespace lluda::tools {

struct FitOptions {
  std::string budget;  // engine::ParseBudget
  EvalText text;
  std::function<absl::StatusOr<std::unique_ptr<engine::Model>>(const engine::LoadOptions&)> load;
  // Told how many measurements are done, of about how many.
  std::function<void(int64_t done, int64_t total)> progress = {};
  // Told in lines how long that may take, and in the end what was chosen.
  std::function<void(const std::string& text)> note = {};
};

// InvalidArgument where flags ask for "auto" without a budget, or for a budget without that.
absl::Status CheckBudget(absl::string_view weights, absl::string_view budget);

// `options` have an open source. InvalidArgument for a budget that is none or cannot be met, for a model that
// is compiled already, and for a module that is given as text; errors of loading and evaluating.
// The same for any number of threads.
absl::Status FitWeights(const FitOptions& fit, engine::LoadOptions* options);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_FIT_WEIGHTS_H_
