#include "frontends/tokenizer/text/nfc.h"

#include <gtest/gtest.h>

#include <string>

namespace lluda::tokenizer {
namespace {

TEST(Nfc, ComposesAndOrdersMarks) {
  EXPECT_EQ(ToNfc("e\u0301"), "é");
  EXPECT_EQ(ToNfc("a\u0301\u0327"), "\u00E1\u0327") << "the cedilla goes first, the acute composes";
  EXPECT_EQ(ToNfc("q\u0307\u0323"), "q\u0323\u0307");
  EXPECT_EQ(ToNfc("\u1100\u1161\u11A8"), "\uAC01") << "Hangul composes by arithmetic";
  EXPECT_EQ(ToNfc("\u212B"), "\u00C5") << "a singleton: the Angstrom sign";
}

TEST(Nfc, KeepsWhatComposesOnlyInCompatibilityForms) { EXPECT_EQ(ToNfc("ﬁ ①"), "ﬁ ①"); }

TEST(Nfc, KeepsCompositionExclusionsApart) { EXPECT_EQ(ToNfc("\u0958"), "\u0915\u093C"); }

TEST(Nfc, KeepsMarksOfEqualClassInOrder) {
  EXPECT_EQ(ToNfc("x\u0302\u0300\u0301"), "x\u0302\u0300\u0301");
}

TEST(Nfc, TakesCharactersNewerThanUnicode9ForStarters) {
  EXPECT_EQ(ToNfc("x\u0301\u1DF9\u0327"), "x\u0301\u1DF9\u0327") << "U+1DF9 is of Unicode 10";
  EXPECT_EQ(ToNfc("x\u0301\u1DF5\u0327"), "x\u0327\u0301\u1DF5") << "U+1DF5 is of Unicode 9";
  EXPECT_EQ(ToNfc("\U00011935\U00011930"), "\U00011935\U00011930");
}

TEST(Nfc, KeepsTheCharacterBeforeHangulsTrailingConsonants) {
  EXPECT_EQ(ToNfc("\uAC00\u11A7"), "\uAC00\u11A7");
  EXPECT_EQ(ToNfc("\u1112\u1161\u11A7\u11AB"), "\uD558\u11A7\u11AB");
  EXPECT_EQ(ToNfc("e\u0301\u11A7\u0323\u0301"), "\u00E9\u11A7\u0323\u0301");
}

TEST(Nfc, KeepsNulAndTheLastCodePoint) {
  const std::string text("\0e\u0301\U0010FFFF", 8);
  EXPECT_EQ(ToNfc(text), std::string("\0é\U0010FFFF", 7));
}

}  // namespace
}  // namespace lluda::tokenizer
