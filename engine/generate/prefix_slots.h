// What each slot of the KV cache holds, and which slot a prompt should take: the free one that
// shares the longest beginning with it, so that only the rest has to be computed.
//
//   PrefixSlots slots(2);
//   auto place = slots.Take({5, 7, 9});   // {slot 0, shared 0}
//   slots.Append(place->slot, {5, 7, 9});
//   slots.Release(place->slot);
//   slots.Take({5, 7, 8, 1});             // {slot 0, shared 2}: 5 and 7 are there
#ifndef LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_
#define LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace lluda::engine {

class PrefixSlots {
 public:
  struct Place {
    int slot = 0;
    int64_t shared =
        0;  // tokens that the slot holds already; the prompt's last is never among them
  };

  explicit PrefixSlots(int slots) : slots_(slots) {}

  // Takes a free slot for a prompt, which is not empty, and forgets what the slot holds besides the
  // shared beginning. Of slots that share equally much, an empty one, then the one that was
  // released first. The last token of the prompt counts as not shared: it is computed again, for
  // its logits. Nothing if no slot is free.
  std::optional<Place> Take(absl::Span<const int32_t> prompt);

  // The cache holds these tokens of a taken slot now, too.
  void Append(int slot, absl::Span<const int32_t> tokens);

  // The slot is free. It keeps its tokens.
  void Release(int slot);

  // Forgets the tokens of all slots, none of which is taken.
  void Clear();

  const std::vector<int32_t>& tokens(int slot) const { return slots_[slot].tokens; }

 private:
  struct Slot {
    std::vector<int32_t> tokens;
    bool taken = false;
    int64_t released = 0;  // when, in releases
  };

  std::vector<Slot> slots_;
  int64_t releases_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PREFIX_SLOTS_H_
