// A cache whose slots share pages: what sequences have in common is there once, and found in a tree
// (prefix/prefix_tree.h). Of a page that agrees with a prompt only at its beginning, that is copied,
// or the page is taken over if nobody else could miss it.
//
// Pages of sequences that have ended stay until they are needed, those that were used last the
// longest, and a page never longer than the ones before it.
#ifndef LLUDA_ENGINE_GENERATE_PAGE_CACHE_H_
#define LLUDA_ENGINE_GENERATE_PAGE_CACHE_H_

#include <optional>
#include <vector>

#include "engine/generate/prefix/prefix_tree.h"
#include "engine/generate/sequence_cache.h"

namespace lluda::engine {

class PageCache : public SequenceCache {
 public:
  explicit PageCache(runtime::Session* session)
      : session_(session), slots_(static_cast<size_t>(session->slots())) {}

  absl::StatusOr<std::optional<Place>> Take(absl::Span<const int32_t> prompt, absl::string_view key,
                                            absl::Span<const PlacedMedia> media) override;
  void Append(int slot, absl::Span<const int32_t> tokens) override;
  void Release(int slot) override;
  // Its pages are then those that nobody uses; as many go as are needed, its last ones first.
  void GiveUp(int slot) override { Release(slot); }
  bool FreePages(int64_t pages) override;
  bool HasRoomFor(absl::Span<const int32_t> prompt, absl::string_view key,
                  absl::Span<const PlacedMedia> media) override;
  void Clear() override;
  const std::vector<int32_t>& tokens(int slot) const override { return slots_[slot].tokens; }

 private:
  struct Slot {
    PrefixTree::Node* node = nullptr;  // where its tokens end; null: the slot is free
    PrefixTree::Media media;
    std::vector<int32_t> tokens;
  };

  // The slot's page behind those in the tree becomes a node there, and where the slot's tokens end.
  void AddNode(Slot* slot, int32_t page);
  // Goes on with the first tokens of a page that agrees so far. Whether it could: not if there is no
  // page to copy them to.
  absl::StatusOr<bool> TakePart(int slot, const PrefixTree::Match& match);

  runtime::Session* session_;
  PrefixTree tree_;
  std::vector<Slot> slots_;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PAGE_CACHE_H_
