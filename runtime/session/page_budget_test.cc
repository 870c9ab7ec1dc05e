#include "runtime/session/page_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace lluda::runtime {
namespace {

TEST(PageBudget, PagesAreDealtOutEvenlyAtFirst) {
  const PageBudget pages(3, 8, 10);
  EXPECT_EQ(pages.held(0), 4);
  EXPECT_EQ(pages.held(1), 3);
  EXPECT_EQ(pages.held(2), 3);
  EXPECT_EQ(pages.free(), 10);
}

TEST(PageBudget, ASlotUsesTheFirstOfItsOwnPagesAndThenThoseOfOthers) {
  PageBudget pages(2, 4, 5);
  EXPECT_TRUE(pages.Use(0, 65).empty());
  EXPECT_EQ(pages.used(0), 2);
  EXPECT_EQ(pages.free(), 3);
  const std::vector<PageBudget::Loss> losses = pages.Use(1, 192);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].slot, 0);
  EXPECT_EQ(losses[0].page, 2);
  EXPECT_EQ(pages.free(), 0);
  // What is not used any more is there for others.
  EXPECT_TRUE(pages.Use(1, 0).empty());
  EXPECT_EQ(pages.Use(0, 256).size(), 2u);
  EXPECT_EQ(pages.held(1), 1);
}

TEST(PageBudget, AsManyPagesAreHeldAsEver) {
  std::mt19937 random(7);
  constexpr int kSlots = 5;
  PageBudget pages(kSlots, 9, 17);
  for (int i = 0; i < 2000; ++i) {
    const int slot = static_cast<int>(random() % kSlots);
    const int64_t most = std::min<int64_t>(9, pages.used(slot) + pages.free());
    pages.Use(slot, static_cast<int64_t>(random() % (most * PageBudget::kPagePositions + 1)));
    int64_t held = 0, used = 0;
    for (int other = 0; other < kSlots; ++other) {
      ASSERT_LE(pages.used(other), pages.held(other));
      held += pages.held(other);
      used += pages.used(other);
    }
    ASSERT_EQ(held, 17);
    ASSERT_EQ(pages.free(), 17 - used);
  }
}

}  // namespace
}  // namespace lluda::runtime
