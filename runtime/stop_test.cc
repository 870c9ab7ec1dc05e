#include "runtime/stop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace lluda::runtime {
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

// Against a search in the whole text, for random strings over two letters and random pieces.
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
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random() % 5;
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    ASSERT_EQ(Stream(stops, pieces),
              Shown(found ? text.substr(0, first_end - longest) : text, found))
        << text;
  }
  EXPECT_GT(with_stop, 500);
  EXPECT_LT(with_stop, 2900);
}

}  // namespace
}  // namespace lluda::runtime
