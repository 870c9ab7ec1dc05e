// What pages of a KV cache hold: a tree whose nodes are pages, each behind the tokens of those above
// it. Prompts that begin alike find the pages of their beginning.
//
//   PrefixTree tree;
//   PrefixTree::Match match = tree.Find(prompt, "key", {});   // the pages that there are
//   Node* node = match.node != nullptr ? match.node : tree.RootOf("key");
//   tree.Enter(node);                                         // a sequence uses them
//   node = tree.Add(node, page, nullptr);                     // and goes on in one of its own
//   tree.Append(node, {5, 7, 9});
//   tree.Leave(node);                                         // it has ended; its pages stay
//   tree.Evict();                                             // until they are needed
//
// A page is found by comparing its tokens, all of them, so that no sequence can be given another
// one's. Those of different keys have no node in common, and those with other media none from where
// these begin. A node has at most kPageTokens tokens; one with fewer has no children, and only the
// sequence that made it goes on in it.
#ifndef LLUDA_ENGINE_GENERATE_PREFIX_PREFIX_TREE_H_
#define LLUDA_ENGINE_GENERATE_PREFIX_PREFIX_TREE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/generate/prefix/media_mark.h"

namespace lluda::engine {

class PrefixTree {
 public:
  static constexpr size_t kPageTokens = 64;
  // Of the prompt of which a page is a part.
  using Media = std::shared_ptr<const std::vector<MediaMark>>;

  struct Node {
    Node* parent = nullptr;  // null: of no page, the beginning of all that have a key
    int32_t page = -1;
    int64_t depth = 0;  // pages above it
    std::vector<int32_t> tokens;
    Media media;  // null: none
    std::vector<std::unique_ptr<Node>> children;
    int users = 0;          // sequences that are in it, or below it
    int64_t last_used = 0;  // when a sequence came or left, in such events

    bool full() const { return parent == nullptr || tokens.size() == kPageTokens; }
  };

  struct Match {
    Node* node = nullptr;     // where the pages that agree as a whole end; null: none has the key
    Node* partial = nullptr;  // a child of it of which the first tokens agree, if any do
    int64_t tokens = 0;       // so many
  };
  // As much of `tokens` as there is; of equal pages the one that was used last.
  Match Find(absl::Span<const int32_t> tokens, absl::string_view key,
             absl::Span<const MediaMark> media) const;
  // The beginning of all that have a key, for a sequence that enters it next.
  Node* RootOf(absl::string_view key);
  // Of the node and those above it, from the first on.
  std::vector<int32_t> PagesOf(const Node* node) const;

  // A sequence is in the node, and no more.
  void Enter(Node* node);
  void Leave(Node* node);
  // A sequence that is in `parent`, which is full, goes on in a child: a new one, or one that nobody
  // uses.
  Node* Add(Node* parent, int32_t page, Media media);
  void Descend(Node* child);
  // The node's page has more tokens.
  void Append(Node* node, absl::Span<const int32_t> tokens);
  // Another node that has the same tokens as this full one behind the same beginning; null if there
  // is none.
  Node* FindTwin(const Node* node) const;
  // The only sequence that uses `node` uses its twin instead. The page of the node, which is gone.
  int32_t MergeInto(Node* node, Node* twin);

  // The page that was least recently used, of those that no sequence uses and no other page follows:
  // it is in no node any more. Nothing if there is none.
  std::optional<int32_t> Evict();
  // All pages, none of which is used: the tree is empty.
  std::vector<int32_t> Clear();

  int64_t pages() const { return pages_; }
  // Those that sequences use.
  int64_t used_pages() const { return used_pages_; }
  // How many of them lead to the node, which may be null.
  static int64_t UsedPagesTo(const Node* node);

 private:
  void Use(Node* node, int change);
  // Takes a leaf out of the tree, and its key's root if nothing is left there.
  void Remove(Node* node);

  std::map<std::string, std::unique_ptr<Node>, std::less<>> roots_;  // by key
  int64_t pages_ = 0;
  int64_t used_pages_ = 0;
  int64_t events_ = 0;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_GENERATE_PREFIX_PREFIX_TREE_H_
