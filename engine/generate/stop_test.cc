#include "engine/generate/stop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace lluda::engine {
namespace {

StopStrings Make(const std::vector<std::string>& stops) {
  auto result = StopStrings::Create(stops);
  EXPECT_TRUE(result.ok()) << result.status();
  return *std::move(result);
}

// Everything that is printed for `pieces`, and whether a stop string ended it.
std::pair<std::string, bool> Stream(const std::vector<std::string>& stops,
                                    const std::vector<std::string>& pieces) {
  StopStrings matcher = Make(stops);
  std::string shown;
  for (const std::string& piece : pieces) shown += std::string(matcher.Push(piece));
  shown += std::string(matcher.Flush());
  return {shown, matcher.stopped()};
}

using Shown = std::pair<std::string, bool>;

TEST(StopTokensTest, ContainsOnlyItsIds) {
  const StopTokens stops({7, 151645, 7});
  EXPECT_TRUE(stops.Contains(151645));
  EXPECT_TRUE(stops.Contains(7));
  EXPECT_FALSE(stops.Contains(8));
  EXPECT_FALSE(StopTokens({}).Contains(0));
}

TEST(StopStringsTest, TextWithoutStopStringsPassesAtOnce) {
  StopStrings matcher = Make({"END"});
  EXPECT_EQ(matcher.Push("hello "), "hello ");
  EXPECT_EQ(matcher.Push("world"), "world");
  EXPECT_EQ(matcher.Flush(), "");
  EXPECT_FALSE(matcher.stopped());
}

TEST(StopStringsTest, NoStopStringsLetAllPass) {
  EXPECT_EQ(Stream({}, {"a", "", "b"}), Shown("ab", false));
}

TEST(StopStringsTest, TextEndsBeforeTheStopString) {
  EXPECT_EQ(Stream({"END"}, {"one END two"}), Shown("one ", true));
}

TEST(StopStringsTest, AStopStringOverSeveralPiecesIsHeldBack) {
  StopStrings matcher = Make({"\nUser:"});
  EXPECT_EQ(matcher.Push("Hi.\nUs"), "Hi.");
  EXPECT_EQ(matcher.Push("er"), "");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.Push(": x"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopStringsTest, WhatWasHeldBackComesWhenItIsNoStopString) {
  StopStrings matcher = Make({"\nUser:"});
  EXPECT_EQ(matcher.Push("a\nUs"), "a");
  EXPECT_EQ(matcher.Push("ually"), "\nUsually");
}

TEST(StopStringsTest, TheEndGivesWhatIsHeldBack) {
  StopStrings matcher = Make({"abc"});
  EXPECT_EQ(matcher.Push("xab"), "x");
  EXPECT_EQ(matcher.Flush(), "ab");
  EXPECT_EQ(matcher.Flush(), "");
}

TEST(StopStringsTest, OnlyTheLongestPossibleBeginningIsHeldBack) {
  StopStrings matcher = Make({"aab"});
  EXPECT_EQ(matcher.Push("aaa"), "a");
  EXPECT_EQ(matcher.Push("b"), "");
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopStringsTest, NothingComesAfterTheStop) {
  StopStrings matcher = Make({"."});
  EXPECT_EQ(matcher.Push("a.b"), "a");
  EXPECT_EQ(matcher.Push("c"), "");
  EXPECT_EQ(matcher.Flush(), "");
  EXPECT_TRUE(matcher.stopped());
}

TEST(StopStringsTest, TheStringThatIsCompleteFirstWins) {
  EXPECT_EQ(Stream({"abcd", "bc"}, {"xabcd"}), Shown("xa", true));
  EXPECT_EQ(Stream({"bc", "abcd"}, {"xab", "cd"}), Shown("xa", true));
}

TEST(StopStringsTest, OfTwoThatEndTogetherTheLongerWins) {
  EXPECT_EQ(Stream({"c", "abc"}, {"xabc"}), Shown("x", true));
  EXPECT_EQ(Stream({"abc", "c"}, {"xab", "c"}), Shown("x", true));
}

TEST(StopStringsTest, AStopStringInsideAFailedLongerOneIsFound) {
  // "aXb" is on the way to "aXbY" when it turns out to hold "Xb".
  EXPECT_EQ(Stream({"aXcY", "Xb"}, {"aX", "b"}), Shown("a", true));
}

TEST(StopStringsTest, HalfACharacterIsNeverReturned) {
  // Both letters begin with the byte C3.
  StopStrings matcher = Make({"caf\xC3\xA9"});
  EXPECT_EQ(matcher.Push("caf"), "");
  EXPECT_EQ(matcher.Push("\xC3\xA8"), "caf\xC3\xA8");
}

TEST(StopStringsTest, BytesWithTheHighBitAndZeroBytesWork) {
  EXPECT_EQ(Stream({std::string("\0\xFF", 2)}, {std::string("a\0", 2), "\xFFz"}), Shown("a", true));
}

// Pieces in angle brackets are hidden, as the texts of special tokens are.
Shown StreamWithHidden(const std::vector<std::string>& stops,
                       const std::vector<std::string>& pieces) {
  StopStrings matcher = Make(stops);
  std::string shown;
  for (const std::string& piece : pieces) {
    const bool hidden = piece.front() == '<';
    shown += std::string(hidden ? matcher.PushHidden(piece) : matcher.Push(piece));
  }
  shown += std::string(matcher.Flush());
  return {shown, matcher.stopped()};
}

TEST(StopStringsTest, HiddenTextIsMatchedButNotShown) {
  EXPECT_EQ(StreamWithHidden({"<s>"}, {"ab", "<s>", "c"}), Shown("ab", true));
  EXPECT_EQ(StreamWithHidden({"<t>"}, {"ab", "<s>", "c"}), Shown("abc", false));
  EXPECT_EQ(StreamWithHidden({}, {"ab", "<s>", "c"}), Shown("abc", false));
}

TEST(StopStringsTest, AStopStringMayGoOnBeforeAndBehindHiddenText) {
  EXPECT_EQ(StreamWithHidden({"b<s>"}, {"ab", "<s>", "c"}), Shown("a", true));
  EXPECT_EQ(StreamWithHidden({"<s>cd"}, {"ab", "<s>", "c", "de"}), Shown("ab", true));
  EXPECT_EQ(StreamWithHidden({"b<s>c"}, {"ab", "<s>", "cd"}), Shown("a", true));
  EXPECT_EQ(StreamWithHidden({"<s><t>"}, {"ab", "<s>", "<t>", "cd"}), Shown("ab", true));
}

TEST(StopStringsTest, AStopStringMayBeginOrEndWithinHiddenText) {
  EXPECT_EQ(StreamWithHidden({"b<im"}, {"ab", "<im_end>", "c"}), Shown("a", true));
  EXPECT_EQ(StreamWithHidden({"end>c"}, {"ab", "<im_end>", "cd"}), Shown("ab", true));
  EXPECT_EQ(StreamWithHidden({"im"}, {"ab", "<im_end>", "c"}), Shown("ab", true));
}

TEST(StopStringsTest, HiddenTextPartsWhatLiesAroundIt) {
  EXPECT_EQ(StreamWithHidden({"bc"}, {"ab", "<s>", "cd"}), Shown("abcd", false));
}

TEST(StopStringsTest, OnlyTheShownPartOfWhatWasHeldBackComes) {
  StopStrings matcher = Make({"b<s>c"});
  EXPECT_EQ(matcher.Push("ab"), "a");
  EXPECT_EQ(matcher.PushHidden("<s>"), "");
  EXPECT_EQ(matcher.Push("d"), "bd");
  EXPECT_EQ(matcher.Push("b"), "");
  EXPECT_EQ(matcher.PushHidden("<s>"), "");
  EXPECT_EQ(matcher.Flush(), "b");
  EXPECT_EQ(matcher.Push("c"), "c") << "a flush forgets what came before";
}

TEST(StopStringsTest, AnEmptyStopStringIsRefused) {
  const auto result = StopStrings::Create({"a", ""});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(result.status().message(), "stop string 2 of 2 is empty");
}

TEST(StopStringsTest, ManyLongStopStringsTakeLinearTime) {
  // Each fails only at its last byte; trying one after another would take minutes.
  std::vector<std::string> stops;
  for (int i = 0; i < 2000; ++i) stops.push_back(std::string(200, 'a') + std::to_string(i));
  StopStrings matcher = Make(stops);
  const std::string text(1000000, 'a');
  EXPECT_EQ(matcher.Push(text).size(), text.size() - 200);
  EXPECT_FALSE(matcher.stopped());
}

// Against a search in the whole text, for random strings over two letters and random pieces, of
// which some are hidden.
TEST(StopStringsTest, AgreesWithSearchingTheWholeText) {
  std::mt19937 random(3);
  const auto random_text = [&random](int length) {
    std::string text;
    for (int i = 0; i < length; ++i) text.push_back("ab"[random() % 2]);
    return text;
  };
  int with_stop = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (unsigned i = 0; i < 1 + random() % 3; ++i) stops.push_back(random_text(2 + random() % 6));
    const std::string text = random_text(30);
    // First end, then longest.
    size_t first_end = std::string::npos, longest = 0;
    for (const std::string& stop : stops) {
      const size_t at = text.find(stop);
      if (at == std::string::npos) continue;
      const size_t end = at + stop.size();
      if (end < first_end || (end == first_end && stop.size() > longest)) {
        first_end = end;
        longest = stop.size();
      }
    }
    const bool found = first_end != std::string::npos;
    with_stop += found;
    StopStrings matcher = Make(stops);
    std::string shown, expected;
    for (size_t at = 0; at < text.size();) {
      const std::string piece = text.substr(at, 1 + random() % 5);
      const bool hidden = random() % 4 == 0;
      shown += std::string(hidden ? matcher.PushHidden(piece) : matcher.Push(piece));
      const size_t end = found ? first_end - longest : text.size();
      if (!hidden && at < end) expected += piece.substr(0, end - at);
      at += piece.size();
    }
    shown += std::string(matcher.Flush());
    ASSERT_EQ(shown, expected) << text;
    ASSERT_EQ(matcher.stopped(), found) << text;
  }
  EXPECT_GT(with_stop, 500);
  EXPECT_LT(with_stop, 2900);
}

}  // namespace
}  // namespace lluda::engine
