#include "tools/eval/score.h"

#include <algorithm>
#include <cmath>

#include "glog/logging.h"
#include "tools/validate/compare.h"

namespace lluda::tools {
namespace {

// Logits as logarithms of probabilities. What they have in common goes first, so that it costs no
// digits.
class LogSoftmax {
 public:
  explicit LogSoftmax(absl::Span<const float> logits)
      : largest_(*std::max_element(logits.begin(), logits.end())) {
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - largest_);
    log_sum_ = std::log(sum);
  }
  double Of(float logit) const { return (logit - largest_) - log_sum_; }

 private:
  double largest_;
  double log_sum_;
};

// NaNs behind all numbers.
bool IsLess(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }

}  // namespace

PositionScore Score(absl::Span<const float> logits, int32_t token,
                    absl::Span<const float> against) {
  PositionScore score;
  const LogSoftmax ours(logits);
  score.nll = -ours.Of(logits[token]);
  if (against.empty()) return score;
  CHECK_EQ(logits.size(), against.size());
  const LogSoftmax theirs(against);
  score.against_nll = -theirs.Of(against[token]);
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_p = theirs.Of(against[i]);
    const double p = std::exp(log_p);
    if (p == 0) continue;  // however unlikely this model finds it
    score.kl += p * (log_p - ours.Of(logits[i]));
  }
  score.same_top = ArgMax(logits) == ArgMax(against);
  return score;
}

double NearestRank(std::vector<double> values, double share) {
  CHECK(!values.empty());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  const auto at =
      values.begin() + std::max<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(rank) - 1);
  std::nth_element(values.begin(), at, values.end(), IsLess);
  return *at;
}

}  // namespace lluda::tools
