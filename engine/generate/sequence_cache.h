// Who has which part of the KV cache: gives sequences their places, remembers what they leave, and
// makes room. What is remembered is used again for prompts that begin alike, of the same key.
//
//   std::unique_ptr<SequenceCache> cache = MakeSequenceCache(session);
//   auto place = cache->Take(prompt, "key", media);   // a slot, and how much of the prompt it holds
//   ... steps ...
//   cache->Append(place->slot, tokens);               // what they have computed
//   cache->Release(place->slot);
#ifndef LLUDA_ENGINE_GENERATE_SEQUENCE_CACHE_H_
#define LLUDA_ENGINE_GENERATE_SEQUENCE_CACHE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/prompt.h"
#include "runtime/session/session.h"

namespace lluda::engine {

class SequenceCache {
 public:
  virtual ~SequenceCache() = default;

  struct Place {
    int slot = 0;
    // The prompt's first tokens that the slot holds. Its last is never among them: it is computed
    // again, for its logits.
    int64_t shared = 0;
  };
  // Takes a free slot for a prompt, which is not empty; nothing if none is free. After an error no
  // slot was taken.
  virtual absl::StatusOr<std::optional<Place>> Take(absl::Span<const int32_t> prompt,
                                                    absl::string_view key,
                                                    absl::Span<const PlacedMedia> media) = 0;
  // Steps have computed these tokens of a taken slot, too.
  virtual void Append(int slot, absl::Span<const int32_t> tokens) = 0;
  // The slot is free. What it holds is remembered.
  virtual void Release(int slot) = 0;
  // The same of a sequence that is set back: nothing is remembered that is in others' way.
  virtual void GiveUp(int slot) = 0;

  // Whether there are so many pages that nobody uses, once what is in the way was forgotten.
  virtual bool FreePages(int64_t pages) = 0;
  // Whether a prompt could be computed, and a token more, without a sequence being set back.
  virtual bool HasRoomFor(absl::Span<const int32_t> prompt, absl::string_view key,
                          absl::Span<const PlacedMedia> media) = 0;
  // Forgets all; no slot is taken.
  virtual void Clear() = 0;

  // What the slot holds, or held when it was released.
  virtual const std::vector<int32_t>& tokens(int slot) const = 0;
};

// Of pages where the session's slots share them, else of slots. The session must outlive it.
std::unique_ptr<SequenceCache> MakeSequenceCache(runtime::Session* session);

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_SEQUENCE_CACHE_H_
