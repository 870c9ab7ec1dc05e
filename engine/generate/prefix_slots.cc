#include "engine/generate/prefix_slots.h"

#include <algorithm>
#include <utility>

#include "glog/logging.h"

namespace lluda::engine {
namespace {

int64_t SharedTokens(absl::Span<const int32_t> held, absl::Span<const int32_t> prompt) {
  const size_t limit = std::min(held.size(), prompt.size() - 1);
  const auto end = std::mismatch(held.begin(), held.begin() + limit, prompt.begin()).first;
  return end - held.begin();
}

}  // namespace

std::optional<PrefixSlots::Match> PrefixSlots::BestMatch(absl::Span<const int32_t> prompt,
                                                         absl::string_view key,
                                                         absl::Span<const MediaMark> media,
                                                         bool free_only) const {
  std::optional<Match> best;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if ((free_only && slot.taken) || slot.key != key) continue;
    Match match = {static_cast<int>(i),
                   SharedWithMedia(slot.media, media, SharedTokens(slot.tokens, prompt))};
    if (keepable_) match.shared = keepable_(match.slot, match.shared);
    if (match.shared == 0) continue;
    if (best && std::make_pair(match.shared, slot.released) <=
                    std::make_pair(best->shared, slots_[best->slot].released)) {
      continue;
    }
    best = match;
  }
  return best;
}

std::optional<int> PrefixSlots::LeastMissed(std::optional<int> but) const {
  std::optional<int> best;
  const auto rank = [&](int i) {
    return std::make_pair(!slots_[i].tokens.empty(), slots_[i].released);
  };
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    if (slots_[i].taken || i == but) continue;
    if (!best || rank(i) < rank(*best)) best = i;
  }
  return best;
}

std::optional<int> PrefixSlots::OldestHeld(std::optional<int> but) const {
  std::optional<int> oldest;
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    const Slot& slot = slots_[i];
    if (slot.taken || slot.tokens.empty() || i == but) continue;
    if (!oldest || slot.released < slots_[*oldest].released) oldest = i;
  }
  return oldest;
}

std::optional<PrefixSlots::Place> PrefixSlots::Take(absl::Span<const int32_t> prompt,
                                                    absl::string_view key,
                                                    absl::Span<const PlacedMedia> placed) {
  const std::vector<MediaMark> media = MarksOf(placed);
  const std::optional<Match> any = BestMatch(prompt, key, media, /*free_only=*/false);
  const std::optional<Match> mine = BestMatch(prompt, key, media, /*free_only=*/true);
  Place place;
  const auto held = [&](int slot) { return static_cast<int64_t>(slots_[slot].tokens.size()); };
  const std::optional<int> other = LeastMissed(any ? std::optional<int>(any->slot) : std::nullopt);
  if (any && mine && mine->shared == any->shared &&
      (2 * mine->shared >= held(mine->slot) || !other)) {
    place = {mine->slot, mine->shared, std::nullopt};
  } else if (any && other) {
    place = {*other, any->shared, any->slot};
  } else if (other) {
    place = {*other, 0, std::nullopt};
  } else {
    return std::nullopt;
  }
  Slot& slot = slots_[place.slot];
  slot.taken = true;
  slot.key = std::string(key);
  slot.media = media;
  slot.tokens.assign(prompt.begin(), prompt.begin() + place.shared);
  return place;
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
