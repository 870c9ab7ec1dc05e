#include "engine/generate/plan_step.h"

#include <algorithm>

namespace lluda::engine {

std::vector<StepPart> PlanStep(absl::Span<const StepWish> wishes, const StepLimits& limits) {
  int64_t tokens = limits.tokens, rows = limits.rows;
  std::vector<StepPart> single, prompts;
  for (size_t i = 0; i < wishes.size(); ++i) {
    if (!wishes[i].decoding || tokens == 0 || rows == 0) continue;
    single.push_back({i, 1, true});
    --tokens;
    --rows;
  }
  for (size_t i = 0; i < wishes.size(); ++i) {
    if (wishes[i].decoding) continue;
    // A prompt's last token waits until there is a row for its logits.
    const int64_t most = rows > 0 ? wishes[i].waiting : wishes[i].waiting - 1;
    const int64_t count = std::min(tokens, most);
    if (count == 0) continue;
    const bool ends = count == wishes[i].waiting;
    prompts.push_back({i, count, ends});
    tokens -= count;
    rows -= ends ? 1 : 0;
  }
  prompts.insert(prompts.end(), single.begin(), single.end());
  return prompts;
}

}  // namespace lluda::engine
