#include "engine/generate/prefix/prefix_tree.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "glog/logging.h"

namespace lluda::engine {
namespace {

using Node = PrefixTree::Node;

constexpr auto kPage = static_cast<int64_t>(PrefixTree::kPageTokens);

absl::Span<const MediaMark> MarksOf(const PrefixTree::Media& media) {
  return media == nullptr ? absl::Span<const MediaMark>() : absl::MakeConstSpan(*media);
}

// How many of the node's tokens these begin with.
int64_t SharedTokens(const Node& node, absl::Span<const int32_t> tokens,
                     absl::Span<const MediaMark> media) {
  const size_t limit = std::min(node.tokens.size(), tokens.size());
  const auto end = std::mismatch(tokens.begin(), tokens.begin() + limit, node.tokens.begin()).first;
  const int64_t before = node.depth * kPage;
  const int64_t shared = before + (end - tokens.begin());
  return std::max<int64_t>(0, SharedWithMedia(MarksOf(node.media), media, shared) - before);
}

template <typename Visit>
void ForEachNode(Node* node, const Visit& visit) {
  for (const auto& child : node->children) ForEachNode(child.get(), visit);
  visit(node);
}

}  // namespace

PrefixTree::Match PrefixTree::Find(absl::Span<const int32_t> tokens, absl::string_view key,
                                   absl::Span<const MediaMark> media) const {
  const auto root = roots_.find(key);
  if (root == roots_.end()) return {};
  Match match = {root->second.get()};
  while (!tokens.empty()) {
    match.partial = nullptr;
    match.tokens = 0;
    for (const auto& child : match.node->children) {
      const int64_t shared = SharedTokens(*child, tokens, media);
      if (shared == 0 || shared < match.tokens) continue;
      if (shared == match.tokens && child->last_used < match.partial->last_used) continue;
      match.partial = child.get();
      match.tokens = shared;
    }
    if (match.tokens < kPage) break;
    match.node = std::exchange(match.partial, nullptr);
    match.tokens = 0;
    tokens.remove_prefix(kPageTokens);
  }
  return match;
}

Node* PrefixTree::RootOf(absl::string_view key) {
  auto root = roots_.find(key);
  if (root == roots_.end()) {
    root = roots_.emplace(std::string(key), std::make_unique<Node>()).first;
  }
  return root->second.get();
}

std::vector<int32_t> PrefixTree::PagesOf(const Node* node) const {
  std::vector<int32_t> pages;
  for (; node->parent != nullptr; node = node->parent) pages.push_back(node->page);
  std::reverse(pages.begin(), pages.end());
  return pages;
}

void PrefixTree::Use(Node* node, int change) {
  const bool was_used = node->users > 0;
  node->users += change;
  node->last_used = events_;
  if (node->parent == nullptr) return;
  used_pages_ += static_cast<int>(node->users > 0) - static_cast<int>(was_used);
}

void PrefixTree::Enter(Node* node) {
  ++events_;
  for (; node != nullptr; node = node->parent) Use(node, 1);
}

void PrefixTree::Leave(Node* node) {
  ++events_;
  Node* root = nullptr;
  for (; node != nullptr; node = node->parent) {
    CHECK_GT(node->users, 0);
    Use(node, -1);
    root = node;
  }
  if (root->children.empty() && root->users == 0) Remove(root);
}

Node* PrefixTree::Add(Node* parent, int32_t page, Media media) {
  CHECK(parent->full() && parent->users > 0);
  auto node = std::make_unique<Node>();
  node->parent = parent;
  node->page = page;
  node->depth = parent->parent == nullptr ? 0 : parent->depth + 1;
  node->media = std::move(media);
  Node* const added = node.get();
  parent->children.push_back(std::move(node));
  ++pages_;
  Descend(added);
  return added;
}

void PrefixTree::Descend(Node* child) {
  CHECK(child->parent->users > 0 && child->users == 0);
  Use(child, 1);
}

void PrefixTree::Append(Node* node, absl::Span<const int32_t> tokens) {
  CHECK(node->parent != nullptr && node->users == 1 && node->children.empty());
  CHECK_LE(node->tokens.size() + tokens.size(), kPageTokens);
  node->tokens.insert(node->tokens.end(), tokens.begin(), tokens.end());
}

Node* PrefixTree::FindTwin(const Node* node) const {
  CHECK(node->full());
  for (const auto& other : node->parent->children) {
    if (other.get() == node || !other->full()) continue;
    if (SharedTokens(*other, node->tokens, MarksOf(node->media)) == kPage) return other.get();
  }
  return nullptr;
}

int32_t PrefixTree::MergeInto(Node* node, Node* twin) {
  CHECK(node->users == 1 && node->children.empty() && twin->parent == node->parent);
  const int32_t page = node->page;
  Use(twin, 1);
  Use(node, -1);
  Remove(node);
  return page;
}

void PrefixTree::Remove(Node* node) {
  CHECK(node->users == 0 && node->children.empty());
  if (node->parent == nullptr) {
    const auto root = std::find_if(roots_.begin(), roots_.end(),
                                   [&](const auto& entry) { return entry.second.get() == node; });
    if (root != roots_.end()) roots_.erase(root);
    return;
  }
  Node* const parent = node->parent;
  auto& siblings = parent->children;
  siblings.erase(std::find_if(siblings.begin(), siblings.end(),
                              [&](const auto& sibling) { return sibling.get() == node; }));
  --pages_;
  const bool is_last = parent->parent == nullptr && siblings.empty() && parent->users == 0;
  if (is_last) Remove(parent);
}

std::optional<int32_t> PrefixTree::Evict() {
  Node* oldest = nullptr;
  for (const auto& [key, root] : roots_) {
    ForEachNode(root.get(), [&](Node* node) {
      if (node->parent == nullptr || node->users > 0 || !node->children.empty()) return;
      if (oldest == nullptr || node->last_used < oldest->last_used) oldest = node;
    });
  }
  if (oldest == nullptr) return std::nullopt;
  const int32_t page = oldest->page;
  Remove(oldest);
  return page;
}

std::vector<int32_t> PrefixTree::Clear() {
  std::vector<int32_t> pages;
  for (const auto& [key, root] : roots_) {
    ForEachNode(root.get(), [&](Node* node) {
      CHECK_EQ(node->users, 0);
      if (node->parent != nullptr) pages.push_back(node->page);
    });
  }
  roots_.clear();
  pages_ = 0;
  return pages;
}

int64_t PrefixTree::UsedPagesTo(const Node* node) {
  int64_t used = 0;
  for (; node != nullptr && node->parent != nullptr; node = node->parent)
    used += node->users > 0 ? 1 : 0;
  return used;
}

}  // namespace lluda::engine
