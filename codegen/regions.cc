#include "codegen/regions.h"

#include <algorithm>
#include <utility>

namespace lluda::codegen {

using runtime::Space;

bool Overlap(const MemoryUse& a, const MemoryUse& b) {
  if (a.buffer.space != b.buffer.space || a.buffer.index != b.buffer.index) return false;
  const Space space = a.buffer.space;
  if (space == Space::kWeight || space == Space::kState || space == Space::kInput) return true;
  return a.buffer.offset < b.buffer.offset + b.bytes && b.buffer.offset < a.buffer.offset + a.bytes;
}

bool Regions::Joins(std::vector<MemoryUse> uses) {
  const bool conflicts = std::any_of(uses.begin(), uses.end(), [&](const MemoryUse& use) {
    return std::any_of(region_.begin(), region_.end(), [&](const MemoryUse& before) {
      return (use.writes || before.writes) && Overlap(use, before);
    });
  });
  const bool joins = !conflicts && !region_.empty();
  if (!joins) region_.clear();
  region_.insert(region_.end(), std::make_move_iterator(uses.begin()),
                 std::make_move_iterator(uses.end()));
  return joins;
}

}  // namespace lluda::codegen
