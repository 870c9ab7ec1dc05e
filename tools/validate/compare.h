// How far two vectors of logits are apart, and what counts as close enough.
//
//   LogitsDistance distance = Compare(ours, reference);
//   distance.nmse   // ||ours - reference||^2 / ||reference||^2
#ifndef LLUDA_TOOLS_VALIDATE_COMPARE_H_
#define LLUDA_TOOLS_VALIDATE_COMPARE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace lluda::tools {

struct LogitsDistance {
  double mse = 0;
  double nmse = 0;
  double cosine = 0;
  double mean_square = 0;  // of the reference
};

// Both of one size, at least 1; computed in double.
LogitsDistance Compare(absl::Span<const float> ours, absl::Span<const float> reference);

// The lowest index of the largest value; at least one value.
int32_t ArgMax(absl::Span<const float> values);

// The indices of the `count` largest values, largest first, the lower index of equals first.
std::vector<int32_t> Largest(absl::Span<const float> values, int count);

// -log softmax(logits)[token], in nats.
double NegativeLogLikelihood(absl::Span<const float> logits, int32_t token);

// A greedy choice whose best and second best logits are closer than this may fall either way by
// rounding; what follows it is not comparable.
inline constexpr double kDecidedMargin = 0.02;
// The same by the rounding of a KV cache of int8, whose part of the logits' error is the larger.
inline constexpr double kInt8DecidedMargin = 0.1;

// A router whose last expert taken and first one left are closer than this may take the other one by
// rounding, in bf16 and in f32.
inline constexpr double kBf16RouterMargin = 0.02;
inline constexpr double kF32RouterMargin = 1e-4;

// How many of the reference's greedy tokens have to be met: those before the first step whose
// margin is below `decided`. All of them if there are no margins.
int64_t DecidedSteps(const std::vector<double>& margins, int64_t steps,
                     double decided = kDecidedMargin);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_VALIDATE_COMPARE_H_
