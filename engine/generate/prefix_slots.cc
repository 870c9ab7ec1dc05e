#include "engine/generate/prefix_slots.h"

#include <algorithm>
#include <tuple>

#include "glog/logging.h"

namespace lluda::engine {
namespace {

int64_t SharedTokens(absl::Span<const int32_t> held, absl::Span<const int32_t> prompt) {
  const size_t limit = std::min(held.size(), prompt.size() - 1);
  const auto end = std::mismatch(held.begin(), held.begin() + limit, prompt.begin()).first;
  return end - held.begin();
}

}  // namespace

std::optional<PrefixSlots::Place> PrefixSlots::Take(absl::Span<const int32_t> prompt) {
  std::optional<Place> best;
  // How well a slot serves: the larger the better.
  std::tuple<int64_t, bool, int64_t> best_rank;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (slot.taken) continue;
    const int64_t shared = SharedTokens(slot.tokens, prompt);
    const std::tuple<int64_t, bool, int64_t> rank(shared, slot.tokens.empty(), -slot.released);
    if (best && rank <= best_rank) continue;
    best = Place{static_cast<int>(i), shared};
    best_rank = rank;
  }
  if (!best) return std::nullopt;
  Slot& slot = slots_[best->slot];
  slot.taken = true;
  slot.tokens.resize(static_cast<size_t>(best->shared));
  return best;
}

void PrefixSlots::Append(int slot, absl::Span<const int32_t> tokens) {
  CHECK(slots_[slot].taken);
  slots_[slot].tokens.insert(slots_[slot].tokens.end(), tokens.begin(), tokens.end());
}

void PrefixSlots::Release(int slot) {
  CHECK(slots_[slot].taken);
  slots_[slot].taken = false;
  slots_[slot].released = ++releases_;
}

void PrefixSlots::Clear() {
  for (Slot& slot : slots_) {
    CHECK(!slot.taken);
    slot.tokens.clear();
  }
}

}  // namespace lluda::engine
