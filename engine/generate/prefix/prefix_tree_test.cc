#include "engine/generate/prefix/prefix_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <vector>

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Node = PrefixTree::Node;

// So many tokens that count up from `first`.
std::vector<int32_t> Count(int32_t first, int64_t tokens) {
  std::vector<int32_t> all(static_cast<size_t>(tokens));
  std::iota(all.begin(), all.end(), first);
  return all;
}

std::vector<int32_t> Joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A sequence that has come, and computed these tokens in pages of its own from `page` on. Where it is.
Node* Compute(PrefixTree* tree, const std::vector<int32_t>& tokens, absl::string_view key,
              int32_t page, const PrefixTree::Media& media = nullptr) {
  Node* node = tree->RootOf(key);
  tree->Enter(node);
  absl::Span<const int32_t> left = tokens;
  while (!left.empty()) {
    if (node->full()) node = tree->Add(node, page++, media);
    const auto some = left.first(std::min(left.size(), PrefixTree::kPageTokens));
    tree->Append(node, some);
    left.remove_prefix(some.size());
  }
  return node;
}

TEST(PrefixTreeTest, FindsTheWholePagesOfABeginningAndAPartOfTheNext) {
  PrefixTree tree;
  Compute(&tree, Count(0, 150), "", 10);
  const auto find = [&](int64_t tokens) { return tree.Find(Count(0, tokens), "", {}); };
  EXPECT_THAT(tree.PagesOf(find(200).node), ElementsAre(10, 11));
  EXPECT_EQ(find(200).partial->page, 12);
  EXPECT_EQ(find(200).tokens, 22);
  // Of a full page, too.
  EXPECT_THAT(tree.PagesOf(find(127).node), ElementsAre(10));
  EXPECT_EQ(find(127).partial->page, 11);
  EXPECT_EQ(find(127).tokens, 63);
  EXPECT_THAT(tree.PagesOf(find(128).node), ElementsAre(10, 11));
  EXPECT_EQ(find(128).partial, nullptr);
  EXPECT_EQ(tree.Find(Count(1, 100), "", {}).partial, nullptr);
}

TEST(PrefixTreeTest, TheLongestOfSeveralPagesIsFoundAndOfEqualOnesTheLastUsed) {
  PrefixTree tree;
  const std::vector<int32_t> beginning = Count(0, 64);
  for (const int32_t page : {10, 20}) {
    Node* node = Compute(&tree, Joined(beginning, Count(100 * page, 30)), "", page);
    tree.Leave(node);
  }
  EXPECT_THAT(tree.PagesOf(tree.Find(Joined(beginning, {2000, 2001, 5}), "", {}).node),
              ElementsAre(20));
  const PrefixTree::Match match = tree.Find(Joined(beginning, {1000, 1001, 5}), "", {});
  // Twins that nobody has merged: behind the one that was used last nothing goes on so.
  EXPECT_THAT(tree.PagesOf(match.node), ElementsAre(20));
  EXPECT_EQ(match.partial, nullptr);
}

TEST(PrefixTreeTest, PromptsOfDifferentKeysHaveNoPageInCommon) {
  PrefixTree tree;
  Compute(&tree, Count(0, 100), "a", 10);
  EXPECT_EQ(tree.Find(Count(0, 100), "b", {}).node, nullptr);
  EXPECT_EQ(tree.Find(Count(0, 100), "", {}).node, nullptr);
  EXPECT_THAT(tree.PagesOf(tree.Find(Count(0, 100), "a", {}).node), ElementsAre(10));
}

TEST(PrefixTreeTest, PromptsWithOtherMediaHaveNothingInCommonFromWhereTheseBegin) {
  PrefixTree tree;
  const auto media = [](int64_t first, const char* identity) {
    return std::vector<MediaMark>{{first, 30, identity}};
  };
  const auto a = std::make_shared<const std::vector<MediaMark>>(media(100, "a"));
  Compute(&tree, Count(0, 150), "", 10, a);
  EXPECT_THAT(tree.PagesOf(tree.Find(Count(0, 140), "", media(100, "a")).node),
              ElementsAre(10, 11));
  const PrefixTree::Match other = tree.Find(Count(0, 140), "", media(100, "b"));
  EXPECT_THAT(tree.PagesOf(other.node), ElementsAre(10));
  EXPECT_EQ(other.tokens, 36);
  EXPECT_EQ(tree.Find(Count(0, 140), "", {}).tokens, 36);
  EXPECT_EQ(tree.Find(Count(0, 140), "", media(20, "a")).tokens, 20);
}

TEST(PrefixTreeTest, EvictsFromTheEndsWhatWasUsedLeastRecently) {
  PrefixTree tree;
  Node* first = Compute(&tree, Count(0, 128), "a", 10);
  Node* second = Compute(&tree, Count(500, 128), "b", 20);
  EXPECT_EQ(tree.Evict(), std::nullopt) << "all of them are used";
  tree.Leave(first);
  tree.Leave(second);
  EXPECT_EQ(tree.used_pages(), 0);
  // Once more.
  Node* again = tree.Find(Count(0, 64), "a", {}).node;
  tree.Enter(again);
  EXPECT_EQ(tree.used_pages(), 1);
  EXPECT_EQ(tree.Evict(), 11) << "behind the page that is used again";
  EXPECT_EQ(tree.Evict(), 21);
  EXPECT_EQ(tree.Evict(), 20);
  EXPECT_EQ(tree.Evict(), std::nullopt);
  EXPECT_EQ(tree.Find(Count(500, 64), "b", {}).node, nullptr);
  tree.Leave(again);
  EXPECT_EQ(tree.Evict(), 10);
  EXPECT_EQ(tree.pages(), 0);
}

TEST(PrefixTreeTest, CountsThePagesThatSequencesUseOnce) {
  PrefixTree tree;
  Node* first = Compute(&tree, Count(0, 100), "", 10);
  EXPECT_EQ(tree.used_pages(), 2);
  Node* shared = tree.Find(Count(0, 64), "", {}).node;
  EXPECT_EQ(PrefixTree::UsedPagesTo(shared), 1);
  tree.Enter(shared);
  EXPECT_EQ(tree.used_pages(), 2);
  tree.Leave(first);
  EXPECT_EQ(tree.used_pages(), 1);
  tree.Leave(shared);
  EXPECT_EQ(tree.used_pages(), 0);
  EXPECT_EQ(PrefixTree::UsedPagesTo(shared), 0);
  EXPECT_EQ(PrefixTree::UsedPagesTo(nullptr), 0);
  EXPECT_THAT(tree.Clear(), UnorderedElementsAre(10, 11));
  EXPECT_THAT(tree.Clear(), IsEmpty());
}

TEST(PrefixTreeTest, OfTwoPagesWithTheSameTokensOneIsEnough) {
  PrefixTree tree;
  Node* first = Compute(&tree, Count(0, 64), "", 10);
  Node* second = Compute(&tree, Count(0, 64), "", 20);
  EXPECT_EQ(tree.FindTwin(second), first);
  EXPECT_EQ(tree.MergeInto(second, first), 20);
  EXPECT_EQ(tree.FindTwin(first), nullptr);
  EXPECT_EQ(tree.used_pages(), 1);
  tree.Leave(first);
  EXPECT_EQ(tree.used_pages(), 1);
  tree.Leave(first);
  EXPECT_EQ(tree.used_pages(), 0);
}

}  // namespace
}  // namespace lluda::engine
