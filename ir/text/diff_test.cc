#include "ir/text/diff.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ir/text/parser.h"
#include "ir/text/printer.h"

namespace lluda::ir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The canonical text of a module with one function @f, whose body is `statements`.
std::string Text(const std::string& statements, const std::string& load = "") {
  const std::string text = "lluda 1\nmodule @m {\n" + load +
                           "func @f(%x: f32 d[2], %u: f32 d[2]) -> f32 d[2] {\n" + statements +
                           "}\n}\n";
  const auto module = ParseModule(text, "test.lluda");
  EXPECT_TRUE(module.ok()) << module.status();
  return module.ok() ? PrintModule(**module) : "";
}

// "mark text" of each line, for the only section that differs.
std::vector<std::string> Lines(const std::string& before, const std::string& after) {
  const std::vector<SectionDiff> diff = Diff(before, after);
  EXPECT_LE(diff.size(), 1u) << DiffText(diff, false);
  std::vector<std::string> lines;
  if (diff.empty()) return lines;
  for (const DiffLine& line : diff[0].lines) lines.push_back(std::string(1, line.mark) + line.text);
  return lines;
}

TEST(DiffTest, AModuleDoesNotDifferFromItself) {
  const std::string text = Text("%a = exp %x : f32 d[2]\nreturn %a\n");
  EXPECT_THAT(Diff(text, text), IsEmpty());
}

TEST(DiffTest, WhoMadeAStatementAndWhichPassesRanIsNoDifference) {
  const std::string before = Text("%a = exp %x : f32 d[2]\nreturn %a\n");
  EXPECT_THAT(Diff(before, Text("%a = exp %x : f32 d[2] by cse\nreturn %a\n", "passes cse\n")),
              IsEmpty());
}

TEST(DiffTest, AStatementThatReplacesAnotherIsShownInItsPlaceAndTheRestIsCounted) {
  EXPECT_THAT(Lines(Text("%a = exp %x : f32 d[2]\n%b = cos %a : f32 d[2]\n"
                         "%c = sin %b : f32 d[2]\nreturn %c\n"),
                    Text("%a = exp %x : f32 d[2]\n%b = sin %a : f32 d[2]\n"
                         "%c = sin %b : f32 d[2]\nreturn %c\n")),
              ElementsAre("   ... 2 unchanged", "-  %b = cos %a : f32 d[2]",
                          "+  %b = sin %a : f32 d[2]", "   ... 2 unchanged"));
}

TEST(DiffTest, ARenamedValueIsNoDifference) {
  EXPECT_THAT(Diff(Text("%a = exp %x : f32 d[2]\n%b = cos %a : f32 d[2]\nreturn %b\n"),
                   Text("%e = exp %x : f32 d[2]\n%g = cos %e : f32 d[2]\nreturn %g\n")),
              IsEmpty());
}

TEST(DiffTest, ReadersOfAValueThatAnotherStandsForAreNotShown) {
  const std::string before = Text(
      "%a = exp %x : f32 d[2]\n%b = exp %x : f32 d[2]\n%c = add %a %b : f32 d[2]\n"
      "%d = mul %b %c : f32 d[2]\nreturn %d\n");
  const std::string after = Text(
      "%a = exp %x : f32 d[2]\n%c = add %a %a : f32 d[2]\n%d = mul %a %c : f32 d[2]\nreturn %d\n");
  EXPECT_THAT(Lines(before, after), ElementsAre("   ... 2 unchanged", "-  %b = exp %x : f32 d[2]",
                                                "   ... 3 unchanged", "   %b is now %a"));
}

TEST(DiffTest, ReadersThatDisagreeOnWhatStandsForAValueAreShown) {
  const std::string before = Text(
      "%a = exp %x : f32 d[2]\n%b = cos %a : f32 d[2]\n%c = sin %a : f32 d[2]\n"
      "%d = add %b %c : f32 d[2]\nreturn %d\n");
  const std::string after = Text(
      "%b = cos %x : f32 d[2]\n%c = sin %u : f32 d[2]\n%d = add %b %c : f32 d[2]\nreturn %d\n");
  EXPECT_THAT(
      Lines(before, after),
      ElementsAre("   ... 1 unchanged", "-  %a = exp %x : f32 d[2]", "-  %b = cos %a : f32 d[2]",
                  "-  %c = sin %a : f32 d[2]", "+  %b = cos %x : f32 d[2]",
                  "+  %c = sin %u : f32 d[2]", "   ... 2 unchanged"));
}

TEST(DiffTest, AnOperandThatWasExchangedForAnotherThatWasThereIsADifference) {
  const std::string before = Text(
      "%a = exp %x : f32 d[2]\n%b = exp %u : f32 d[2]\n%c = sub %a %b : f32 d[2]\nreturn %c\n");
  const std::string after = Text(
      "%a = exp %x : f32 d[2]\n%b = exp %u : f32 d[2]\n%c = sub %b %a : f32 d[2]\nreturn %c\n");
  EXPECT_THAT(Lines(before, after),
              ElementsAre("   ... 3 unchanged", "-  %c = sub %a %b : f32 d[2]",
                          "+  %c = sub %b %a : f32 d[2]", "   ... 1 unchanged"));
}

TEST(DiffTest, APlaceInTheFrameHasAMarkOfItsOwn) {
  EXPECT_THAT(Lines(Text("%a = exp %x : f32 d[2]\n%b = cos %a : f32 d[2]\nreturn %b\n"),
                    Text("%a = exp %x : f32 d[2] in 64 by plan-memory\n%b = cos %a : f32 d[2]\n"
                         "return %b\n")),
              ElementsAre("   ... 1 unchanged", "~  %a = exp %x : f32 d[2] in 64 by plan-memory",
                          "   ... 2 unchanged"));
}

TEST(DiffTest, AStatementThatMovedIsShownAtBothPlaces) {
  EXPECT_THAT(Lines(Text("%a = exp %x : f32 d[2]\n%b = cos %x : f32 d[2]\n%c = sin %x : f32 d[2]\n"
                         "%d = add %a %b : f32 d[2]\nreturn %d\n"),
                    Text("%b = cos %x : f32 d[2]\n%c = sin %x : f32 d[2]\n%a = exp %x : f32 d[2]\n"
                         "%d = add %a %b : f32 d[2]\nreturn %d\n")),
              ElementsAre("   ... 1 unchanged", "-  %a = exp %x : f32 d[2]", "   ... 2 unchanged",
                          "+  %a = exp %x : f32 d[2]", "   ... 2 unchanged"));
}

TEST(DiffTest, AWordThatLooksLikeASuffixStaysInTheStatement) {
  EXPECT_THAT(Lines(Text("%a = scale %x {by = 2} : f32 d[2]\nreturn %a\n"),
                    Text("%a = scale %x {by = 3} : f32 d[2]\nreturn %a\n")),
              ElementsAre("   ... 1 unchanged", "-  %a = scale %x {by = 2} : f32 d[2]",
                          "+  %a = scale %x {by = 3} : f32 d[2]", "   ... 1 unchanged"));
}

TEST(DiffTest, SectionsThatComeOrGoAreShownWhole) {
  const std::string before = Text("%a = exp %x : f32 d[2]\nreturn %a\n", "weight @w : f32 d[2]\n");
  const std::string after = Text("%a = exp %x : f32 d[2]\nreturn %a\n",
                                 "weight @w : f32 d[2]\nload {\n@e = exp @w : f32 d[2]\n}\n");
  EXPECT_EQ(DiffText(Diff(before, after), false), "load\n+   @e = exp @w : f32 d[2]\n");
  EXPECT_EQ(DiffText(Diff(after, before), false), "load\n-   @e = exp @w : f32 d[2]\n");
}

TEST(DiffTest, ColoursStandAroundWholeLines) {
  const std::string before = Text("%a = exp %x : f32 d[2]\nreturn %a\n");
  const std::string after = Text("%a = cos %x : f32 d[2]\nreturn %a\n");
  EXPECT_EQ(DiffText(Diff(before, after), true),
            "\033[1m@f\033[0m\n"
            "\033[2m    ... 1 unchanged\033[0m\n"
            "\033[31m-   %a = exp %x : f32 d[2]\033[0m\n"
            "\033[32m+   %a = cos %x : f32 d[2]\033[0m\n"
            "\033[2m    ... 1 unchanged\033[0m\n");
}

}  // namespace
}  // namespace lluda::ir
