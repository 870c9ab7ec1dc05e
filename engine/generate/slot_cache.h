// A cache of which each slot has pages of its own: what sequences have in common is copied from slot
// to slot (prefix_slots.h).
#ifndef LLUDA_ENGINE_GENERATE_SLOT_CACHE_H_
#define LLUDA_ENGINE_GENERATE_SLOT_CACHE_H_

#include <optional>
#include <vector>

#include "engine/generate/prefix_slots.h"
#include "engine/generate/sequence_cache.h"

namespace lluda::engine {

class SlotCache : public SequenceCache {
 public:
  explicit SlotCache(runtime::Session* session)
      : session_(session), slots_(session->slots(), [session](int slot, int64_t length) {
          return session->Keepable(slot, length);
        }) {}

  absl::StatusOr<std::optional<Place>> Take(absl::Span<const int32_t> prompt, absl::string_view key,
                                            absl::Span<const PlacedMedia> media) override;
  void Append(int slot, absl::Span<const int32_t> tokens) override { slots_.Append(slot, tokens); }
  void Release(int slot) override { slots_.Release(slot); }
  void GiveUp(int slot) override;
  bool FreePages(int64_t pages) override { return FreePages(pages, std::nullopt); }
  bool HasRoomFor(absl::Span<const int32_t> prompt, absl::string_view key,
                  absl::Span<const PlacedMedia> media) override;
  void Clear() override;
  const std::vector<int32_t>& tokens(int slot) const override { return slots_.tokens(slot); }

 private:
  // Makes the slot hold what it is said to, or nothing where there are not the pages; how many
  // tokens that are.
  absl::StatusOr<int64_t> Prepare(const PrefixSlots::Place& place);
  // What slot `but` holds stays.
  bool FreePages(int64_t pages, std::optional<int> but);

  runtime::Session* session_;
  PrefixSlots slots_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SLOT_CACHE_H_
