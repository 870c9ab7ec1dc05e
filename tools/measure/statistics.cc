#include "tools/measure/statistics.h"

#include <algorithm>
#include <cmath>

#include "glog/logging.h"

namespace lluda::tools {

double Quantile(std::vector<double> values, double q) {
  CHECK(!values.empty() && q >= 0 && q <= 1);
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Summary Summarize(const std::vector<double>& values) {
  Summary summary;
  summary.median = Quantile(values, 0.5);
  summary.spread = Quantile(values, 0.75) - Quantile(values, 0.25);
  summary.min = Quantile(values, 0);
  summary.max = Quantile(values, 1);
  return summary;
}

std::vector<double> RatiosInTurns(absl::Span<const double> limits,
                                  absl::Span<const double> subjects) {
  CHECK_EQ(limits.size(), subjects.size() + 1);
  std::vector<double> ratios;
  for (size_t i = 0; i < subjects.size(); ++i) {
    ratios.push_back(subjects[i] / ((limits[i] + limits[i + 1]) / 2));
  }
  return ratios;
}

}  // namespace lluda::tools
