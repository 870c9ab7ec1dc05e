// Which tokens of which sequences the next step computes.
//
//   // 12 tokens a step; two texts are being written, and a prompt of 40 tokens has come.
//   PlanStep({{1, true}, {1, true}, {40, false}}, {/*tokens=*/12, /*rows=*/4});
//   // {sequence 2, 10 tokens, no logits}, {sequence 0, 1 token}, {sequence 1, 1 token}
//
// Texts that are being written come first, a token each, so that no prompt holds them up; prompts
// share what is left, in the order they came. No logits depend on the plan.
#ifndef LLUDA_ENGINE_GENERATE_PLAN_STEP_H_
#define LLUDA_ENGINE_GENERATE_PLAN_STEP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace lluda::engine {

// A sequence that wants to be computed.
struct StepWish {
  int64_t waiting = 0;    // tokens, at least 1
  bool decoding = false;  // the token is of its own making
};

struct StepLimits {
  int64_t tokens = 0;  // at least 1
  int64_t rows = 0;    // of logits, at least 1
};

struct StepPart {
  size_t sequence = 0;  // its place among the wishes
  int64_t tokens = 0;   // at least 1, the first of those that wait
  bool logits = false;  // they are all that wait, so the next token is wanted
};

inline bool operator==(const StepPart& a, const StepPart& b) {
  return a.sequence == b.sequence && a.tokens == b.tokens && a.logits == b.logits;
}

// The parts in the order in which the step takes them: those of prompts before single tokens, since
// attention takes neighbouring tokens of a sequence together. At least one part if there are
// wishes.
std::vector<StepPart> PlanStep(absl::Span<const StepWish> wishes, const StepLimits& limits);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PLAN_STEP_H_
