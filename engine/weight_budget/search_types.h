// Finds types for the groups of a model's matrices within a budget.
//
//   SearchOptions options{budget, measure};
//   absl::StatusOr<FoundTypes> found = SearchTypes(groups, options);
//   module.tensor_weights = found->types;
//
// 1. Each group is quantised alone, to kProbeType, and the KL divergence is measured that it costs. What
//    another type would cost is taken to be in proportion to the squares of the errors that it makes in
//    the weights, and costs to add up: both hold where errors are small (arXiv 2411.17525).
// 2. ChooseTypes takes the bytes that cost least, up to what the budget allows.
// 3. The mixture is measured as a whole. What it costs is not quite the sum: the sum that is aimed at is
//    moved by the ratio, and types are chosen and measured again, until the budget is met and nearly used
//    up, or a few mixtures have been tried. The smallest one that met the budget is the result.
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_SEARCH_TYPES_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_SEARCH_TYPES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/weight_budget/budget.h"
#include "engine/weight_budget/matrix_groups.h"
#include "frontends/chosen_weights.h"
#include "frontends/weight_types.h"

namespace lluda::engine {

struct SearchOptions {
  Budget budget;
  // Runs the model with these types. Of the same ones it has to be the same; of none, nothing is lost.
  std::function<absl::StatusOr<MixtureMeasure>(const frontends::WeightTypes& types)> measure;
  // Told how many measurements are done, of about how many.
  std::function<void(int64_t done, int64_t total)> progress;
};

struct FoundTypes {
  frontends::WeightTypes types;
  frontends::ChosenWeights chosen;  // but for the name of the text
};

// InvalidArgument, with both numbers, for a budget of fewer bytes than the smallest types take; errors of
// measuring. A budget of KL or likeliest tokens can be met always: by a model that is not quantised.
absl::StatusOr<FoundTypes> SearchTypes(const std::vector<MatrixGroup>& groups,
                                       const SearchOptions& options);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_SEARCH_TYPES_H_
