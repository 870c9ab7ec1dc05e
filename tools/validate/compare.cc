#include "tools/validate/compare.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "glog/logging.h"

namespace lluda::tools {

LogitsDistance Compare(absl::Span<const float> ours, absl::Span<const float> reference) {
  CHECK_EQ(ours.size(), reference.size());
  double error = 0, own = 0, norm = 0, dot = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double a = ours[i], b = reference[i];
    error += (a - b) * (a - b);
    own += a * a;
    norm += b * b;
    dot += a * b;
  }
  const double count = static_cast<double>(ours.size());
  return {error / count, error / norm, dot / std::sqrt(own * norm), norm / count};
}

int32_t ArgMax(absl::Span<const float> values) {
  return static_cast<int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<int32_t> Largest(absl::Span<const float> values, int count) {
  std::vector<int32_t> ids(values.size());
  std::iota(ids.begin(), ids.end(), 0);
  const size_t kept = std::min(ids.size(), static_cast<size_t>(count));
  std::partial_sort(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(kept), ids.end(),
      [&](int32_t a, int32_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  ids.resize(kept);
  return ids;
}

double NegativeLogLikelihood(absl::Span<const float> logits, int32_t token) {
  const double largest = logits[ArgMax(logits)];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[token];
}

int64_t DecidedSteps(const std::vector<double>& margins, int64_t steps, double decided) {
  for (size_t i = 0; i < margins.size(); ++i) {
    if (margins[i] < decided) return static_cast<int64_t>(i);
  }
  return steps;
}

}  // namespace lluda::tools
