// How well logits predict a token, and how far two models' predictions are apart. In double.
//
//   PositionScore score = Score(logits, token, {});
//   score.nll;  // -log softmax(logits)[token], in nats
#ifndef LLUDA_TOOLS_EVAL_SCORE_H_
#define LLUDA_TOOLS_EVAL_SCORE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace lluda::tools {

struct PositionScore {
  double nll = 0;  // of the token that came, in nats
  // Against another model; of none they are 0 and false.
  double against_nll = 0;
  double kl = 0;          // KL divergence of this model from the other, in nats
  bool same_top = false;  // whether the likeliest token is the same
};

// `against` is the other model's logits, or empty: KL is the sum of p log(p / q) over all tokens,
// where p is the other model's probability and q this one's. Of equal logits it is 0 exactly. engine::CheckedMaximum
// accepts both.
PositionScore Score(absl::Span<const float> logits, int32_t token, absl::Span<const float> against);

// The quantile by rank: the least of the values that `share` of them do not exceed, 0 < share <= 1; at least one value.
// A NaN counts as the largest.
double NearestRank(std::vector<double> values, double share);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_EVAL_SCORE_H_
