#include "engine/weight_budget/choose_types.h"

#include <algorithm>

namespace lluda::engine {
namespace {

// From one of a group's options to the next smaller one of its line.
struct Step {
  size_t group = 0;
  size_t from = 0, to = 0;  // options
  int64_t saved = 0;        // bytes, more than 0
  double damage = 0;        // that it adds, at least 0
  double slope = 0;         // damage for a byte; never less than that of the group's step before
};

// The steps along a group's line. From each option the next one is that which costs least for a byte; of
// equal ones, the smallest.
std::vector<Step> LineOf(const GroupOptions& options, size_t group) {
  std::vector<Step> line;
  double slope = 0;
  for (size_t at = 0;;) {
    Step best;
    for (size_t to = 0; to < options.size(); ++to) {
      Step step{group, at, to, options[at].bytes - options[to].bytes,
                std::max(0.0, options[to].damage - options[at].damage)};
      if (step.saved <= 0) continue;
      step.slope = std::max(slope, step.damage / static_cast<double>(step.saved));
      const bool is_better = best.saved == 0 || step.slope < best.slope ||
                             (step.slope == best.slope && step.saved > best.saved);
      if (is_better) best = step;
    }
    if (best.saved == 0) return line;
    slope = best.slope;
    line.push_back(best);
    at = best.to;
  }
}

// All groups' steps, in the order in which they are taken; a group's own stay in their order.
std::vector<Step> StepsOf(const std::vector<GroupOptions>& groups) {
  std::vector<Step> steps;
  for (size_t group = 0; group < groups.size(); ++group) {
    for (const Step& step : LineOf(groups[group], group)) steps.push_back(step);
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.slope < b.slope; });
  return steps;
}

}  // namespace

int64_t BytesOf(const std::vector<GroupOptions>& groups, const Choice& choice) {
  int64_t bytes = 0;
  for (size_t i = 0; i < groups.size(); ++i) bytes += groups[i][choice[i]].bytes;
  return bytes;
}

double DamageOf(const std::vector<GroupOptions>& groups, const Choice& choice) {
  double damage = 0;
  for (size_t i = 0; i < groups.size(); ++i) damage += groups[i][choice[i]].damage;
  return damage;
}

Choice LeastBytes(const std::vector<GroupOptions>& groups, double most) {
  Choice choice(groups.size(), 0);
  double damage = 0;
  // A step that is too dear ends its group's line; others may still fit.
  for (const Step& step : StepsOf(groups)) {
    if (choice[step.group] != step.from || damage + step.damage > most) continue;
    damage += step.damage;
    choice[step.group] = step.to;
  }
  return choice;
}

Choice LeastDamage(const std::vector<GroupOptions>& groups, int64_t most) {
  Choice choice(groups.size(), 0);
  const std::vector<Step> steps = StepsOf(groups);
  int64_t bytes = BytesOf(groups, choice);
  auto taken = steps.begin();
  for (; taken != steps.end() && bytes > most; ++taken) {
    bytes -= taken->saved;
    choice[taken->group] = taken->to;
  }
  // The last step may have saved more than was asked for: dear ones before it are taken back.
  while (taken != steps.begin()) {
    --taken;
    if (choice[taken->group] != taken->to || bytes + taken->saved > most) continue;
    bytes += taken->saved;
    choice[taken->group] = taken->from;
  }
  return choice;
}

}  // namespace lluda::engine
