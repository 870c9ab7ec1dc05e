#include "frontends/tokenizer/text/split_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lluda::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kQwen2[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::vector<std::string> Split(std::string_view regex, std::string_view text) {
  const absl::StatusOr<SplitPattern> pattern = SplitPattern::Compile(regex);
  EXPECT_TRUE(pattern.ok()) << pattern.status();
  if (!pattern.ok()) return {};
  std::vector<std::string> parts;
  int64_t steps = 0;
  pattern->Cut(text, [&](std::string_view part, bool) { parts.emplace_back(part); }, &steps);
  return parts;
}

std::string Refusal(std::string_view regex) {
  const absl::StatusOr<SplitPattern> pattern = SplitPattern::Compile(regex);
  return pattern.ok() ? "accepted" : std::string(pattern.status().message());
}

TEST(SplitPattern, CutsWordsNumbersAndContractionsAsQwen2Does) {
  EXPECT_THAT(Split(kQwen2, "I'LL be 42's"), ElementsAre("I", "'LL", " be", " ", "4", "2", "'s"));
}

TEST(SplitPattern, LeavesTheLastBlankToTheWordThatFollows) {
  EXPECT_THAT(Split(kQwen2, "a   b"), ElementsAre("a", "  ", " b"));
  EXPECT_THAT(Split(kQwen2, "a b"), ElementsAre("a", " b"));
  EXPECT_THAT(Split(kQwen2, "a\u3000\u3000b"), ElementsAre("a", "\u3000", "\u3000b"));
}

TEST(SplitPattern, KeepsARunOfWhiteSpaceAtTheEndWhole) {
  EXPECT_THAT(Split(kQwen2, "a   "), ElementsAre("a", "   "));
}

TEST(SplitPattern, GivesOneBlankBeforeADigitAPieceOfItsOwn) {
  EXPECT_THAT(Split(kQwen2, " 1"), ElementsAre(" ", "1"));
  EXPECT_THAT(Split(kQwen2, "  1"), ElementsAre(" ", " ", "1"));
}

TEST(SplitPattern, EndsARunOfBlankLinesAtItsLastNewline) {
  EXPECT_THAT(Split(kQwen2, "\n \n  x"), ElementsAre("\n \n", " ", " x"));
}

TEST(SplitPattern, ReadsWhiteSpaceAsUnicodeDoes) {
  EXPECT_THAT(Split(R"(\s+)", "a\u00A0\x0B\u2028z"), ElementsAre("a", "\u00A0\x0B\u2028", "z"));
  EXPECT_THAT(Split(R"([^\s]+)", "a\u3000z"), ElementsAre("a", "\u3000", "z"));
}

TEST(SplitPattern, KnowsTheLettersAndNumbersOfUnicode16) {
  EXPECT_THAT(Split(R"(\p{L}+)", "-\U0002EBF0\U000105C0-"),
              ElementsAre("-", "\U0002EBF0\U000105C0", "-"));
  EXPECT_THAT(Split(R"([^\p{N}]+)", "a\U00010D40b"), ElementsAre("a", "\U00010D40", "b"));
  EXPECT_THAT(Split(R"(\p{Lu}+)", "-\u1C89\uA7DC-"), ElementsAre("-", "\u1C89\uA7DC", "-"));
  EXPECT_THAT(Split(R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+)", "-\u1C8A\U00010D4E\U00016D43\u0897-"),
              ElementsAre("-", "\u1C8A\U00010D4E\U00016D43\u0897", "-"));
}

TEST(SplitPattern, ReadsCodePointsDigitsAndRepetitions) {
  EXPECT_THAT(Split(R"(\d{1,3})", "1234\u0665"), ElementsAre("123", "4\u0665"));
  EXPECT_THAT(Split(R"([\u4e00-\u9fa5]+)", "a日本b"), ElementsAre("a", "日本", "b"));
}

TEST(SplitPattern, PrefersTheFirstAlternativeToTheLongest) {
  EXPECT_THAT(Split("a|ab", "ab"), ElementsAre("a", "b"));
}

TEST(SplitPattern, TakesALiteralLiterally) {
  const absl::StatusOr<SplitPattern> pattern = SplitPattern::Literal("a.");
  ASSERT_TRUE(pattern.ok());
  std::string parts;
  int64_t steps = 0;
  pattern->Cut(
      "aba.b",
      [&](std::string_view part, bool is_match) {
        parts.append(is_match ? "<" : "").append(part).append(is_match ? ">" : "");
      },
      &steps);
  EXPECT_EQ(parts, "ab<a.>b");
}

TEST(SplitPattern, MakesNoPieceOfAnEmptyText) {
  EXPECT_THAT(Split(kQwen2, ""), ElementsAre());
  EXPECT_THAT(Split("a", ""), ElementsAre());
}

TEST(SplitPattern, RefusesByNameWhatRe2LacksOrReadsDifferently) {
  EXPECT_EQ(Refusal(R"(\s+(?!\S)|a)"), "the group (?!...) is not supported");
  EXPECT_EQ(Refusal(R"((?<=a)b)"), "the group (?<...) is not supported");
  EXPECT_EQ(Refusal(R"(\bword)"), R"(\b is not supported)");
  EXPECT_EQ(Refusal(R"(\w+)"), R"(\w is not supported)");
  EXPECT_EQ(Refusal(R"((a)\1)"), R"(\1 is not supported)");
  EXPECT_EQ(Refusal("^a"), "the anchor ^ is not supported");
  EXPECT_EQ(Refusal(R"([\S]+)"), R"(\S inside a character class is not supported)");
  EXPECT_EQ(Refusal("[a&&b]"), "&& inside a character class is not supported");
  EXPECT_EQ(Refusal("[[:alpha:]]"), "[ inside a character class is not supported");
  EXPECT_EQ(Refusal(R"(\p{^L})"), R"(\p{^L} is not supported)");
  EXPECT_THAT(Refusal("a++"), HasSubstr("RE2: bad repetition operator"));
  EXPECT_THAT(Refusal(R"(\p{Klingon})"), HasSubstr("RE2: invalid character class range"));
  EXPECT_EQ(Refusal("[a"), "a character class has no end");
  EXPECT_EQ(Refusal("a\\"), "\\ is not supported");
  EXPECT_EQ(Refusal("a*"), "the expression matches the empty string");
}

TEST(SplitPattern, RefusesAnExpressionTooLargeToCompile) {
  EXPECT_THAT(Refusal("((a{1000}){1000}){1000}"), HasSubstr("RE2: "));
}

}  // namespace
}  // namespace lluda::tokenizer
