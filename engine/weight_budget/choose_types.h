// Which of several sizes each of some groups of matrices gets, so that what they cost together is least.
//
//   // one group: 200 bytes for nothing, 100 for 0.1, 50 for 0.4
//   LeastBytes({{{200, 0}, {100, 0.1}, {50, 0.4}}}, 0.2);   // {1}
//
// Damages are taken to add up. A group's options that no mixture of others beats lie on a convex line,
// from the largest one down; all groups' steps along these lines are taken in the order of the damage that
// they cost for a byte, the least first. Equal ones are taken in the groups' order.
#ifndef LLUDA_ENGINE_WEIGHT_BUDGET_CHOOSE_TYPES_H_
#define LLUDA_ENGINE_WEIGHT_BUDGET_CHOOSE_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lluda::engine {

struct TypeOption {
  int64_t bytes = 0;
  double damage = 0;  // at least 0
};

// A group's options; the first one costs no damage.
using GroupOptions = std::vector<TypeOption>;

// For each group, which of its options.
using Choice = std::vector<size_t>;

int64_t BytesOf(const std::vector<GroupOptions>& groups, const Choice& choice);
double DamageOf(const std::vector<GroupOptions>& groups, const Choice& choice);

// Few bytes, with damages of at most `most` together, which is at least 0.
Choice LeastBytes(const std::vector<GroupOptions>& groups, double most);

// Little damage, with at most so many bytes; of too few bytes, the smallest choice there is.
Choice LeastDamage(const std::vector<GroupOptions>& groups, int64_t most);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_WEIGHT_BUDGET_CHOOSE_TYPES_H_
