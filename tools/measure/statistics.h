// Summaries of a few measurements.
//
//   Summary speed = Summarize({61.2, 60.8, 45.1, 61.0});
//   speed.median  // 60.9
//   speed.spread  // 4.2: between the first and the third quartile
#ifndef LLUDA_TOOLS_MEASURE_STATISTICS_H_
#define LLUDA_TOOLS_MEASURE_STATISTICS_H_

#include <vector>

#include "absl/types/span.h"

namespace lluda::tools {

// The value below which the share `q` in [0, 1] of the values lies, interpolated linearly between
// neighbours (Hyndman and Fan 1996, definition 7). At least one value.
double Quantile(std::vector<double> values, double q);

struct Summary {
  double median = 0;
  double spread = 0;  // third quartile minus first
  double min = 0;
  double max = 0;
};

// At least one value.
Summary Summarize(const std::vector<double>& values);

// What was measured in turns with a limit: limits[i] before subjects[i], limits[i + 1] after it.
// The ratio of each subject to the mean of its two limits. limits has one value more than subjects.
std::vector<double> RatiosInTurns(absl::Span<const double> limits,
                                  absl::Span<const double> subjects);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_MEASURE_STATISTICS_H_
