#include "engine/generate/prefix_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Takes a slot for the tokens, computes what it does not hold, and releases it.
PrefixSlots::Place Use(PrefixSlots* slots, const std::vector<int32_t>& tokens) {
  const auto place = slots->Take(tokens);
  EXPECT_TRUE(place.has_value());
  if (!place) return {};
  slots->Append(place->slot, absl::MakeConstSpan(tokens).subspan(place->shared));
  slots->Release(place->slot);
  EXPECT_EQ(slots->tokens(place->slot), tokens);
  return *place;
}

TEST(PrefixSlotsTest, APromptFindsTheSlotThatHoldsItsBeginning) {
  PrefixSlots slots(3);
  Use(&slots, {1, 2, 3});
  Use(&slots, {5, 6, 7, 8});
  const PrefixSlots::Place place = Use(&slots, {5, 6, 9});
  EXPECT_EQ(place.slot, 1);
  EXPECT_EQ(place.shared, 2);
}

TEST(PrefixSlotsTest, TheLastTokenIsComputedAgain) {
  PrefixSlots slots(1);
  Use(&slots, {1, 2, 3});
  EXPECT_EQ(Use(&slots, {1, 2, 3}).shared, 2);
  EXPECT_EQ(Use(&slots, {1}).shared, 0);
}

// As where layers with windows have written over what the beginning saw.
TEST(PrefixSlotsTest, ABeginningThatASlotCannotKeepIsNotShared) {
  PrefixSlots slots(2, [](int slot, int64_t length) { return slot == 0 ? 0 : length; });
  Use(&slots, {1, 2, 3, 4});
  EXPECT_EQ(Use(&slots, {1, 2, 5}).shared, 0);
  const PrefixSlots::Place place = Use(&slots, {1, 2, 6});
  EXPECT_EQ(place.shared, 2);
  EXPECT_EQ(place.source.value_or(place.slot), 1);
}

TEST(PrefixSlotsTest, AnEmptySlotIsTakenBeforeOneThatSharesNothing) {
  PrefixSlots slots(2);
  Use(&slots, {1, 2});
  EXPECT_EQ(Use(&slots, {3, 4}).slot, 1);
}

TEST(PrefixSlotsTest, AmongEqualSlotsTheOneReleasedFirstIsTaken) {
  PrefixSlots slots(3);
  Use(&slots, {1, 2});
  Use(&slots, {3, 4});
  Use(&slots, {5, 6});
  Use(&slots, {1, 2});  // slot 0 is the youngest now
  EXPECT_EQ(Use(&slots, {7, 8}).slot, 1);
}

TEST(PrefixSlotsTest, ATakenSlotIsNobodyElses) {
  PrefixSlots slots(1);
  const auto place = slots.Take({1, 2});
  ASSERT_TRUE(place.has_value());
  EXPECT_FALSE(slots.Take({1, 2}).has_value());
  slots.Release(place->slot);
  EXPECT_TRUE(slots.Take({1, 2}).has_value());
}

TEST(PrefixSlotsTest, WhatIsNotSharedIsForgottenWhenASlotIsTaken) {
  PrefixSlots slots(1);
  Use(&slots, {1, 2, 3, 4});
  slots.Take({1, 2, 9});
  EXPECT_THAT(slots.tokens(0), ElementsAre(1, 2));
}

TEST(PrefixSlotsTest, ABeginningIsCopiedFromASlotThatIsTaken) {
  PrefixSlots slots(2);
  const auto running = slots.Take({1, 2, 3, 4});
  slots.Append(running->slot, {1, 2, 3});  // 4 is still to be computed
  const auto place = slots.Take({1, 2, 3, 4, 5});
  ASSERT_TRUE(place.has_value());
  EXPECT_NE(place->slot, running->slot);
  EXPECT_EQ(place->shared, 3);
  EXPECT_EQ(place->source, running->slot);
  EXPECT_THAT(slots.tokens(place->slot), ElementsAre(1, 2, 3));
  EXPECT_THAT(slots.tokens(running->slot), ElementsAre(1, 2, 3));
}

TEST(PrefixSlotsTest, ALongTextIsNotLostToAPromptThatSharesLittleOfIt) {
  PrefixSlots slots(3);
  Use(&slots, {1, 2, 3, 4, 5, 6, 7});
  Use(&slots, {9, 9});
  Use(&slots, {8, 8});
  const auto place = slots.Take({1, 2, 3, 7});
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->slot, 1);  // the one that was released first, but for the source
  EXPECT_EQ(place->source, 0);
  EXPECT_EQ(place->shared, 3);
  EXPECT_EQ(slots.tokens(0).size(), 7u);
}

TEST(PrefixSlotsTest, ATextOfWhichMostIsSharedIsGoneOnWith) {
  PrefixSlots slots(2);
  Use(&slots, {1, 2, 3, 4});
  const auto place = slots.Take({1, 2, 9});
  EXPECT_EQ(place->slot, 0);
  EXPECT_EQ(place->shared, 2);
  EXPECT_FALSE(place->source.has_value());
}

TEST(PrefixSlotsTest, TheOnlyFreeSlotIsTakenOverHoweverLittleIsShared) {
  PrefixSlots slots(2);
  slots.Take({5});
  Use(&slots, {1, 2, 3, 4});
  const auto place = slots.Take({1, 9});
  EXPECT_EQ(place->slot, 1);
  EXPECT_EQ(place->shared, 1);
  EXPECT_FALSE(place->source.has_value());
}

TEST(PrefixSlotsTest, ATakenSlotThatSharesMoreIsCopiedFrom) {
  PrefixSlots slots(2);
  Use(&slots, {1, 2});
  const auto running = slots.Take({7, 1});
  slots.Append(running->slot, {7, 1});
  slots.Append(running->slot, {5});
  const auto place = slots.Take({7, 1, 5, 6});
  EXPECT_EQ(place->slot, 0);
  EXPECT_EQ(place->shared, 3);
  EXPECT_EQ(place->source, running->slot);
}

TEST(PrefixSlotsTest, KeysShareNothing) {
  PrefixSlots slots(3);
  const auto first = slots.Take({1, 2, 3}, "a");
  slots.Append(first->slot, {1, 2, 3});
  const auto other = slots.Take({1, 2, 3}, "b");
  EXPECT_EQ(other->shared, 0);
  EXPECT_FALSE(other->source.has_value());
  slots.Append(other->slot, {1, 2, 3});
  const auto same = slots.Take({1, 2, 3}, "b");
  EXPECT_EQ(same->shared, 2);
  EXPECT_EQ(same->source, other->slot);
  // Nor does a slot that was the other key's give anything away.
  slots.Release(first->slot);
  const auto later = slots.Take({1, 2, 3, 4}, "c");
  EXPECT_EQ(later->slot, first->slot);
  EXPECT_EQ(later->shared, 0);
}

TEST(PrefixSlotsTest, ClearForgetsEverything) {
  PrefixSlots slots(2);
  Use(&slots, {1, 2, 3});
  slots.Clear();
  EXPECT_THAT(slots.tokens(0), IsEmpty());
  EXPECT_EQ(Use(&slots, {1, 2, 3}).shared, 0);
}

}  // namespace
}  // namespace lluda::engine
