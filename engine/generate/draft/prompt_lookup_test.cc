#include "engine/generate/draft/prompt_lookup.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PromptLookup Lookup(std::vector<int32_t> tokens) {
  PromptLookup lookup;
  lookup.Begin(tokens);
  return lookup;
}

TEST(PromptLookup, GuessesWhatFollowedTheLastTokensBefore) {
  PromptLookup lookup = Lookup({7, 1, 2, 3, 9, 4, 1, 2, 3});
  EXPECT_THAT(lookup.Guess(2), ElementsAre(9, 4));
  EXPECT_THAT(lookup.Guess(1), ElementsAre(9));
  EXPECT_THAT(lookup.Guess(0), IsEmpty());
  EXPECT_EQ(lookup.Most(2), 2);
  EXPECT_EQ(lookup.Most(100), 5);
  EXPECT_EQ(Lookup({1, 2}).Most(4), 0);
  lookup.Begin({4, 4, 4, 4});
  EXPECT_THAT(lookup.Guess(4), ElementsAre(4));
}

TEST(PromptLookup, TheLatestPlaceCounts) {
  EXPECT_THAT(Lookup({1, 2, 3, 8, 1, 2, 3, 9, 5, 1, 2, 3}).Guess(2), ElementsAre(9, 5));
}

TEST(PromptLookup, KnowsNothingOfTokensThatAreNew) {
  EXPECT_THAT(Lookup({}).Guess(4), IsEmpty());
  EXPECT_THAT(Lookup({1, 2}).Guess(4), IsEmpty());
  EXPECT_THAT(Lookup({1, 2, 3}).Guess(4), IsEmpty());
  EXPECT_THAT(Lookup({1, 2, 3, 4, 0, 2, 3}).Guess(4), IsEmpty());
}

TEST(PromptLookup, WhatIsAddedIsLookedForAndFound) {
  PromptLookup lookup = Lookup({5, 6, 7, 8, 9});
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
  EXPECT_THAT(Lookup({4, 4, 4, 4}).Guess(4), ElementsAre(4));
  EXPECT_THAT(Lookup({1, 2, 1, 2, 1, 2}).Guess(4), ElementsAre(1, 2));
}

}  // namespace
}  // namespace lluda::engine
