#include "frontends/tokenizer/pretokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lluda::tokenizer {
namespace {

using testing::ElementsAre;

std::vector<std::string> Split(const PretokenizerSteps& steps, std::string_view text,
                               bool begins_text = true) {
  const absl::StatusOr<Pretokenizer> pretokenizer = Pretokenizer::Create(steps);
  EXPECT_TRUE(pretokenizer.ok()) << pretokenizer.status();
  std::vector<std::string> pieces;
  int64_t matches = 0;
  pretokenizer->Split(
      text, begins_text, [&](std::string_view piece) { pieces.emplace_back(piece); }, &matches);
  return pieces;
}

std::vector<std::string> SplitAtDashes(SplitBehavior behavior, bool invert = false) {
  return Split({SplitStep{/*is_regex=*/false, "-", behavior, invert}}, "-a--b-");
}

TEST(PretokenizerTest, LeavesATextWholeWithoutSteps) {
  EXPECT_THAT(Split({}, "a b"), ElementsAre("a b"));
  EXPECT_THAT(Split({}, ""), ElementsAre());
}

TEST(PretokenizerTest, PutsMatchesWhereTheBehaviorSays) {
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kIsolated), ElementsAre("-", "a", "-", "-", "b", "-"));
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kRemoved), ElementsAre("a", "b"));
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kMergedWithPrevious), ElementsAre("-", "a-", "-", "b-"));
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kMergedWithNext), ElementsAre("-a", "-", "-b", "-"));
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kContiguous), ElementsAre("-", "a", "--", "b", "-"));
}

TEST(PretokenizerTest, MayTakeTheGapsForTheMatches) {
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kRemoved, /*invert=*/true),
              ElementsAre("-", "-", "-", "-"));
  EXPECT_THAT(SplitAtDashes(SplitBehavior::kMergedWithNext, /*invert=*/true),
              ElementsAre("-", "a-", "-", "b-"));
}

TEST(PretokenizerTest, BeginsPiecesWithTheReplacementForMetaspace) {
  const auto always = MetaspaceStep{"_", PrependScheme::kAlways, true};
  EXPECT_THAT(Split({always}, "a  b"), ElementsAre("_a", "_", "_b"));
  EXPECT_THAT(Split({always}, " a"), ElementsAre("_a"));
  EXPECT_THAT(Split({always}, "a", /*begins_text=*/false), ElementsAre("_a"));
  const auto first = MetaspaceStep{"_", PrependScheme::kFirst, false};
  EXPECT_THAT(Split({first}, "a b"), ElementsAre("_a_b"));
  EXPECT_THAT(Split({first}, "a b", /*begins_text=*/false), ElementsAre("a_b"));
  EXPECT_THAT(Split({MetaspaceStep{"_", PrependScheme::kNever, false}}, "a b"), ElementsAre("a_b"));
}

TEST(PretokenizerTest, KnowsTheFirstPieceBehindOtherSteps) {
  const auto first = MetaspaceStep{"_", PrependScheme::kFirst, false};
  const SplitStep isolated{/*is_regex=*/false, "-"};
  EXPECT_THAT(Split({isolated, first}, "a-b"), ElementsAre("_a", "-", "b"));
  EXPECT_THAT(Split({isolated, first, first}, "a-b"), ElementsAre("_a", "-", "b"));
  const SplitStep removed{/*is_regex=*/false, "-", SplitBehavior::kRemoved};
  EXPECT_THAT(Split({removed, first}, "-b"), ElementsAre("b"));
}

TEST(PretokenizerTest, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](const PretokenizerSteps& steps) {
    return std::string(Pretokenizer::Create(steps).status().message());
  };
  EXPECT_EQ(refusal({MetaspaceStep{"ab", PrependScheme::kFirst, true}}),
            "the replacement is not one character");
  EXPECT_EQ(refusal({ByteLevelStep{}, ByteLevelStep{}}), "a step after ByteLevel is not supported");
  EXPECT_EQ(refusal({SplitStep{false, "a", static_cast<SplitBehavior>(9), false}}),
            "the behavior is unknown");
  EXPECT_EQ(refusal({MetaspaceStep{"a", static_cast<PrependScheme>(3), true}}),
            "the prepend_scheme is unknown");
  EXPECT_EQ(refusal({SplitStep{false, ""}}), "the text to look for is empty");
}

}  // namespace
}  // namespace lluda::tokenizer
