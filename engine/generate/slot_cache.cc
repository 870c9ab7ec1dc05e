#include "engine/generate/slot_cache.h"

#include <algorithm>

#include "base/status_macros.h"

namespace lluda::engine {

absl::StatusOr<std::optional<SequenceCache::Place>> SlotCache::Take(
    absl::Span<const int32_t> prompt, absl::string_view key, absl::Span<const PlacedMedia> media) {
  const std::optional<PrefixSlots::Place> place = slots_.Take(prompt, key, media);
  if (!place) return std::nullopt;
  const absl::StatusOr<int64_t> shared = Prepare(*place);
  if (!shared.ok()) {
    slots_.Release(place->slot);
    return shared.status();
  }
  return Place{place->slot, *shared};
}

absl::StatusOr<int64_t> SlotCache::Prepare(const PrefixSlots::Place& place) {
  if (!place.source) {
    session_->Truncate(place.slot, place.shared);
    return place.shared;
  }
  session_->Truncate(place.slot, 0);
  absl::Status status;
  const int64_t missing = session_->PagesMissing(place.slot, place.shared);
  if (FreePages(missing, place.source)) {
    status = session_->CopyPrefix(*place.source, place.slot, place.shared);
    if (status.ok()) return place.shared;
  }
  slots_.Forget(place.slot);
  if (!status.ok()) return status;
  return 0;
}

bool SlotCache::FreePages(int64_t pages, std::optional<int> but) {
  while (session_->free_pages() < pages) {
    const std::optional<int> slot = slots_.OldestHeld(but);
    if (!slot) return false;
    slots_.Forget(*slot);
    session_->Truncate(*slot, 0);
  }
  return true;
}

void SlotCache::GiveUp(int slot) {
  slots_.Forget(slot);
  slots_.Release(slot);
  session_->Truncate(slot, 0);
}

bool SlotCache::HasRoomFor(absl::Span<const int32_t> prompt, absl::string_view /*key*/,
                           absl::Span<const PlacedMedia> /*media*/) {
  int64_t kept = 0;
  for (int slot = 0; slot < session_->slots(); ++slot) {
    if (slots_.taken(slot)) kept += session_->used_pages(slot);
  }
  const auto tokens = static_cast<int64_t>(prompt.size());
  return kept + runtime::PageBudget::PagesOf(std::min(tokens + 1, session_->context())) <=
         session_->pages();
}

void SlotCache::Clear() {
  slots_.Clear();
  for (int slot = 0; slot < session_->slots(); ++slot) session_->Truncate(slot, 0);
}

}  // namespace lluda::engine
