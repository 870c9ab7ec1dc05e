#include "base/quote.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::base {
namespace {

using testing::EndsWith;
using testing::SizeIs;

TEST(QuoteTest, ATextIsEscapedInQuotes) {
  EXPECT_EQ(QuoteForMessage("a\n\"b\""), R"("a\n\"b\"")");
  EXPECT_EQ(QuoteForMessage(""), R"("")");
}

TEST(QuoteTest, ALongTextIsCutBetweenCharacters) {
  std::string text(59, 'a');
  text += "\u00e9tude";  // its first letter's second byte is the 61st
  EXPECT_EQ(QuoteForMessage(text), "\"" + std::string(59, 'a') + "...\"");
}

TEST(QuoteTest, WhatIsNoUtf8IsReplaced) {
  EXPECT_EQ(QuoteForMessage("a\xff"), "\"a\xef\xbf\xbd\"");
}

TEST(QuoteTest, ANameHasNoQuotesAndMayBeLonger) {
  EXPECT_EQ(QuoteName("a\tb"), "a\\tb");
  EXPECT_THAT(QuoteName(std::string(200, 'a')), SizeIs(200));
  EXPECT_THAT(QuoteName(std::string(201, 'a')), EndsWith("a..."));
}

}  // namespace
}  // namespace lluda::base
