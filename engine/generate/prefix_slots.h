// What each slot of the KV cache holds, and which slot a prompt should take, so that only what no
// slot holds of it has to be computed.
//
//   PrefixSlots slots(2);
//   auto place = slots.Take({5, 7, 9});   // {slot 0, shared 0}
//   slots.Append(place->slot, {5, 7, 9});
//   slots.Take({5, 7, 8, 1});             // {slot 1, shared 2, source 0}: 5 and 7 are to be copied
//
// A prompt that shares its beginning with what a free slot holds takes that slot over, if most of it
// is shared; else it gets another one, and the beginning is copied: also from a slot that is taken.
// What a slot cannot keep without the rest of what it holds is not shared.
// Prompts of different keys share nothing, and those with other media nothing from where these begin.
#ifndef LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_
#define LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/prompt.h"

namespace lluda::engine {

class PrefixSlots {
 public:
  struct Place {
    int slot = 0;
    // Tokens that the slot holds already, or that are to be copied: first of all, before any slot's
    // are computed. The prompt's last is never among them.
    int64_t shared = 0;
    std::optional<int> source;  // the slot that they are to be copied from
  };

  // How many of the first `length` tokens that a slot holds can be kept, without those behind them.
  using Keepable = std::function<int64_t(int slot, int64_t length)>;

  explicit PrefixSlots(int slots, Keepable keepable = nullptr)
      : slots_(slots), keepable_(std::move(keepable)) {}

  // Takes a free slot for a prompt, which is not empty, and forgets what the slot holds besides the
  // shared beginning. If none is taken over it is an empty one, or the one that was released first.
  // The last token of the prompt counts as not shared: it is computed again, for its logits. Nothing
  // if no slot is free.
  std::optional<Place> Take(absl::Span<const int32_t> prompt, absl::string_view key = "",
                            absl::Span<const PlacedMedia> media = {});

  // The cache holds these tokens of a taken slot now, too.
  void Append(int slot, absl::Span<const int32_t> tokens);

  // The slot is free. It keeps its tokens.
  void Release(int slot);

  // What a slot held is lost.
  void Forget(int slot) { slots_[slot].tokens.clear(); }

  // Of the free slots that hold tokens, `but` aside, the one that was released first; nothing if
  // there is none.
  std::optional<int> OldestHeld(std::optional<int> but = std::nullopt) const;

  // Forgets the tokens of all slots, none of which is taken.
  void Clear();

  bool taken(int slot) const { return slots_[slot].taken; }
  const std::vector<int32_t>& tokens(int slot) const { return slots_[slot].tokens; }

 private:
  struct Slot {
    std::vector<int32_t> tokens;
    std::string key;
    std::vector<MediaMark> media;  // of the prompt that took it last
    bool taken = false;
    int64_t released = 0;  // when, in releases
  };
  // A slot and how much of the prompt it holds.
  struct Match {
    int slot = 0;
    int64_t shared = 0;
  };

  // The slot that shares most with the prompt; of equals, the one that was released last.
  std::optional<Match> BestMatch(absl::Span<const int32_t> prompt, absl::string_view key,
                                 absl::Span<const MediaMark> media, bool free_only) const;
  // The free slot that is missed least, if another than `but` is free.
  std::optional<int> LeastMissed(std::optional<int> but) const;

  std::vector<Slot> slots_;
  const Keepable keepable_;  // null: all of them
  int64_t releases_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_
