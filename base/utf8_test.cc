#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace lluda::base {
namespace {

TEST(ReplaceInvalidUtf8, KeepsValidText) {
  const std::string text("a\0é日\U0001F600", 11);
  EXPECT_EQ(ReplaceInvalidUtf8(text), text);
}

TEST(ReplaceInvalidUtf8, PutsOneReplacementPerMaximalSubpart) {
  // The example of table 3-8 of the Unicode Standard.
  EXPECT_EQ(ReplaceInvalidUtf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  // Table 3-11: truncated sequences.
  EXPECT_EQ(ReplaceInvalidUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
}

TEST(ReplaceInvalidUtf8, ReplacesSurrogatesAndWhatLiesBeyondUnicode) {
  EXPECT_EQ(ReplaceInvalidUtf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(ReplaceInvalidUtf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(AppendUtf8, WritesEveryCodePointSoThatReadUtf8ReadsIt) {
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point == 0xD800) code_point = 0xE000;
    std::string text;
    AppendUtf8(code_point, &text);
    const Utf8Char read = ReadUtf8(text);
    ASSERT_TRUE(read.valid && read.code_point == code_point && read.length == text.size())
        << std::hex << static_cast<uint32_t>(code_point);
  }
}

TEST(CompleteUtf8Prefix, HoldsBackOnlyWhatFurtherBytesCouldComplete) {
  EXPECT_EQ(CompleteUtf8Prefix(""), 0u);
  EXPECT_EQ(CompleteUtf8Prefix("ab"), 2u);
  EXPECT_EQ(CompleteUtf8Prefix("ab\xE6"), 2u);
  EXPECT_EQ(CompleteUtf8Prefix("ab\xE6\x97"), 2u);
  EXPECT_EQ(CompleteUtf8Prefix("ab\xE6\x97\xA5"), 5u);
  EXPECT_EQ(CompleteUtf8Prefix("\xF0\x9F\x98"), 0u);
  EXPECT_EQ(CompleteUtf8Prefix("a\xFF"), 2u) << "no byte can complete FF";
  EXPECT_EQ(CompleteUtf8Prefix("\xED\xA0"), 2u) << "the start of a surrogate";
  EXPECT_EQ(CompleteUtf8Prefix("\x80\x80\x80\x80"), 4u) << "continuation bytes alone";
}

}  // namespace
}  // namespace lluda::base
