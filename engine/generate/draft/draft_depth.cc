#include "engine/generate/draft/draft_depth.h"

#include <algorithm>

namespace lluda::engine {
namespace {

// How much the latest of several measurements counts.
constexpr double kLatest = 0.125;

// What a token more costs before it was measured: products of a few tokens with a weight take hardly
// longer than reading it.
constexpr double kUsualGrowth = 1.05;

}  // namespace

void DraftTimes::Note(int64_t tokens, double seconds) {
  if (tokens < 1 || tokens > kMaxDraft + 1) return;
  double& known = seconds_[static_cast<size_t>(tokens)];
  known = known == 0 ? seconds : known + kLatest * (seconds - known);
}

double DraftTimes::Of(int64_t tokens) const {
  const auto known = [&](int64_t count) { return seconds_[static_cast<size_t>(count)]; };
  if (known(tokens) > 0) return known(tokens);
  if (tokens > 1 && known(tokens - 1) > 0) return known(tokens - 1) * kUsualGrowth;
  const double one = known(1) > 0 ? known(1) : 1;
  return one * static_cast<double>(tokens);
}

int64_t DraftDepth::Choose(const DraftTimes& times, int64_t most,
                           const std::function<double(int64_t)>& drafting) {
  most = std::min(most, kMaxDraft);
  if (most <= 0) return 0;
  int64_t best = 0;
  double best_rate = 0;
  double tokens = 0, next = 1;
  for (int64_t depth = 0; depth <= most; ++depth) {
    tokens += next;
    next *= accepted_;
    const double rate = tokens / (times.Of(depth + 1) + (depth > 0 ? drafting(depth) : 0));
    if (rate <= best_rate) continue;
    best = depth;
    best_rate = rate;
  }
  if (best == 0) {
    const double lost = drafting(1) + times.Of(2) - times.Of(1);
    const double chances = std::max(kProbe, lost / (kProbeShare * times.Of(1)));
    if (++passed_over_ < chances) return 0;
  }
  passed_over_ = 0;
  return std::max<int64_t>(best, 1);
}

void DraftDepth::Note(int64_t guessed, int64_t accepted) {
  for (int64_t i = 0; i < accepted; ++i) accepted_ += kLatest * (1 - accepted_);
  if (accepted < guessed) accepted_ -= kLatest * accepted_;
}

}  // namespace lluda::engine
