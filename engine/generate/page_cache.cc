#include "engine/generate/page_cache.h"

#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "engine/generate/slot_cache.h"
#include "glog/logging.h"

namespace lluda::engine {
namespace {

using Node = PrefixTree::Node;

constexpr auto kPage = static_cast<int64_t>(PrefixTree::kPageTokens);
static_assert(kPage == runtime::PageBudget::kPagePositions);

// What may be there of a prompt already.
absl::Span<const int32_t> Shareable(absl::Span<const int32_t> prompt) {
  return prompt.first(prompt.size() - 1);
}

}  // namespace

std::unique_ptr<SequenceCache> MakeSequenceCache(runtime::Session* session) {
  if (session->shares_pages()) return std::make_unique<PageCache>(session);
  return std::make_unique<SlotCache>(session);
}

absl::StatusOr<std::optional<SequenceCache::Place>> PageCache::Take(
    absl::Span<const int32_t> prompt, absl::string_view key, absl::Span<const PlacedMedia> media) {
  const auto free = std::find_if(slots_.begin(), slots_.end(),
                                 [](const Slot& slot) { return slot.node == nullptr; });
  if (free == slots_.end()) return std::nullopt;
  const auto slot = static_cast<int>(free - slots_.begin());
  const std::vector<MediaMark> marks = MarksOf(media);
  const PrefixTree::Match match = tree_.Find(Shareable(prompt), key, marks);
  free->media = marks.empty() ? nullptr : std::make_shared<const std::vector<MediaMark>>(marks);
  free->node = match.node != nullptr ? match.node : tree_.RootOf(key);
  tree_.Enter(free->node);
  const std::vector<int32_t> pages = tree_.PagesOf(free->node);
  const int64_t whole = kPage * static_cast<int64_t>(pages.size());
  session_->Begin(slot, pages);
  free->tokens.assign(prompt.begin(), prompt.begin() + whole);
  if (match.partial != nullptr) {
    const absl::StatusOr<bool> taken = TakePart(slot, match);
    if (!taken.ok()) {
      Release(slot);
      return taken.status();
    }
  }
  return Place{slot, static_cast<int64_t>(free->tokens.size())};
}

absl::StatusOr<bool> PageCache::TakePart(int slot, const PrefixTree::Match& match) {
  Slot& own = slots_[slot];
  Node* const part = match.partial;
  const std::vector<int32_t> tokens(part->tokens.begin(), part->tokens.begin() + match.tokens);
  if (part->users == 0 && !part->full() && tokens.size() == part->tokens.size()) {
    tree_.Descend(part);
    session_->GoOnIn(slot, part->page, match.tokens);
    part->media = own.media;
    own.node = part;
  } else {
    // It must not go while room for its copy is made.
    tree_.Enter(part);
    const bool has_room = FreePages(1);
    absl::Status copied;
    if (has_room) copied = session_->GoOnInCopy(slot, part->page, match.tokens);
    tree_.Leave(part);
    RETURN_IF_ERROR(copied);
    if (!has_room) return false;
    AddNode(&own, session_->PagesOf(slot).back());
    tree_.Append(own.node, tokens);
  }
  own.tokens.insert(own.tokens.end(), tokens.begin(), tokens.end());
  return true;
}

void PageCache::AddNode(Slot* slot, int32_t page) {
  session_->HoldPage(page);
  slot->node = tree_.Add(slot->node, page, slot->media);
}

void PageCache::Append(int slot, absl::Span<const int32_t> tokens) {
  Slot& own = slots_[slot];
  CHECK(own.node != nullptr);
  while (!tokens.empty()) {
    const size_t place = own.tokens.size() / PrefixTree::kPageTokens;
    if (own.node->full()) AddNode(&own, session_->PagesOf(slot)[place]);
    const auto some =
        tokens.first(std::min(tokens.size(), PrefixTree::kPageTokens - own.node->tokens.size()));
    tree_.Append(own.node, some);
    own.tokens.insert(own.tokens.end(), some.begin(), some.end());
    tokens.remove_prefix(some.size());
    if (!own.node->full()) return;
    // Another sequence may have computed the same: then one of the pages is enough.
    Node* const twin = tree_.FindTwin(own.node);
    if (twin == nullptr) continue;
    session_->ReplacePage(slot, static_cast<int64_t>(place), twin->page);
    session_->DropPage(tree_.MergeInto(own.node, twin));
    own.node = twin;
  }
}

void PageCache::Release(int slot) {
  Slot& own = slots_[slot];
  CHECK(own.node != nullptr);
  tree_.Leave(own.node);
  own.node = nullptr;
  session_->Truncate(slot, 0);
}

bool PageCache::FreePages(int64_t pages) {
  while (session_->free_pages() < pages) {
    const std::optional<int32_t> page = tree_.Evict();
    if (!page) return false;
    session_->DropPage(*page);
  }
  return true;
}

bool PageCache::HasRoomFor(absl::Span<const int32_t> prompt, absl::string_view key,
                           absl::Span<const PlacedMedia> media) {
  const Node* const node = tree_.Find(Shareable(prompt), key, MarksOf(media)).node;
  const auto tokens = static_cast<int64_t>(prompt.size());
  const int64_t pages = runtime::PageBudget::PagesOf(std::min(tokens + 1, session_->context()));
  return tree_.used_pages() + pages - PrefixTree::UsedPagesTo(node) <= session_->pages();
}

void PageCache::Clear() {
  for (const int32_t page : tree_.Clear()) session_->DropPage(page);
  for (Slot& slot : slots_) {
    CHECK(slot.node == nullptr);
    slot.tokens.clear();
  }
}

}  // namespace lluda::engine
