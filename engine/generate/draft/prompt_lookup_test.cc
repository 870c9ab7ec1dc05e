#include "engine/generate/draft/prompt_lookup.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(PromptLookup, GuessesWhatFollowedTheLastTokensBefore) {
  const PromptLookup lookup({7, 1, 2, 3, 9, 4, 1, 2, 3});
  EXPECT_THAT(lookup.Guess(2), ElementsAre(9, 4));
  EXPECT_THAT(lookup.Guess(1), ElementsAre(9));
  EXPECT_THAT(lookup.Guess(0), IsEmpty());
}

TEST(PromptLookup, TheLatestPlaceCounts) {
  EXPECT_THAT(PromptLookup({1, 2, 3, 8, 1, 2, 3, 9, 5, 1, 2, 3}).Guess(2), ElementsAre(9, 5));
}

TEST(PromptLookup, KnowsNothingOfTokensThatAreNew) {
  EXPECT_THAT(PromptLookup({}).Guess(4), IsEmpty());
  EXPECT_THAT(PromptLookup({1, 2}).Guess(4), IsEmpty());
  EXPECT_THAT(PromptLookup({1, 2, 3}).Guess(4), IsEmpty());
  EXPECT_THAT(PromptLookup({1, 2, 3, 4, 0, 2, 3}).Guess(4), IsEmpty());
}

TEST(PromptLookup, WhatIsAddedIsLookedForAndFound) {
  PromptLookup lookup({5, 6, 7, 8, 9});
  for (const int32_t token : {5, 6}) lookup.Add(token);
  EXPECT_THAT(lookup.Guess(4), IsEmpty());
  lookup.Add(7);
  EXPECT_THAT(lookup.Guess(4), ElementsAre(8, 9, 5, 6));
  lookup.Add(8);
  EXPECT_THAT(lookup.Guess(4), ElementsAre(9, 5, 6, 7));
  lookup.Add(1);
  EXPECT_THAT(lookup.Guess(4), IsEmpty());
}

TEST(PromptLookup, ARunOfOneTokenGoesOn) {
  // No more can be guessed than has been seen.
  EXPECT_THAT(PromptLookup({4, 4, 4, 4}).Guess(4), ElementsAre(4));
  EXPECT_THAT(PromptLookup({1, 2, 1, 2, 1, 2}).Guess(4), ElementsAre(1, 2));
}

}  // namespace
}  // namespace lluda::engine
