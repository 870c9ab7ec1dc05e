#include "engine/weight_budget/choose_types.h"

#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::ElementsAre;

const std::vector<GroupOptions> kTwo = {
    {{200, 0}, {100, 0.1}, {50, 0.4}},
    {{1000, 0}, {500, 0.2}, {250, 0.9}},
};

TEST(ChooseTypesTest, WithoutDamageAllStaysAsItIs) {
  EXPECT_THAT(LeastBytes(kTwo, 0), ElementsAre(0, 0));
}

TEST(ChooseTypesTest, TheCheapestBytesGoFirst) {
  // 500 bytes for 0.2, then 100 for 0.1, then 250 for 0.7 and 50 for 0.3.
  EXPECT_THAT(LeastBytes(kTwo, 0.25), ElementsAre(0, 1));
  EXPECT_THAT(LeastBytes(kTwo, 0.31), ElementsAre(1, 1));
  EXPECT_THAT(LeastBytes(kTwo, 1.01), ElementsAre(1, 2));
  EXPECT_THAT(LeastBytes(kTwo, 10), ElementsAre(2, 2));
}

TEST(ChooseTypesTest, AStepThatIsTooDearLeavesRoomForOthers) {
  EXPECT_THAT(LeastBytes(kTwo, 0.61), ElementsAre(2, 1));
}

TEST(ChooseTypesTest, AnOptionThatOthersBeatIsNeverTaken) {
  const std::vector<GroupOptions> groups = {{{200, 0}, {150, 0.3}, {100, 0.1}}};
  EXPECT_THAT(LeastBytes(groups, 0.3), ElementsAre(2));
  EXPECT_THAT(LeastDamage(groups, 150), ElementsAre(2));
}

TEST(ChooseTypesTest, BytesAreMetWithTheLeastDamage) {
  EXPECT_THAT(LeastDamage(kTwo, 1200), ElementsAre(0, 0));
  EXPECT_THAT(LeastDamage(kTwo, 700), ElementsAre(0, 1));
  // One byte less takes the step of the first group, too.
  EXPECT_THAT(LeastDamage(kTwo, 699), ElementsAre(1, 1));
  EXPECT_THAT(LeastDamage(kTwo, 300), ElementsAre(2, 2));
}

TEST(ChooseTypesTest, AStepThatALaterOneMadeNeedlessIsTakenBack) {
  // The second group's step saves enough alone.
  const std::vector<GroupOptions> groups = {{{100, 0}, {90, 0.001}}, {{1000, 0}, {100, 1}}};
  EXPECT_THAT(LeastDamage(groups, 1000), ElementsAre(0, 1));
}

TEST(ChooseTypesTest, OfTooFewBytesTheSmallestChoiceIsGiven) {
  EXPECT_THAT(LeastDamage(kTwo, 10), ElementsAre(2, 2));
}

TEST(ChooseTypesTest, RandomBudgetsAreMet) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int64_t> bytes(1, 1000);
  std::uniform_real_distribution<double> damage(0, 1);
  for (int run = 0; run < 200; ++run) {
    std::vector<GroupOptions> groups(5);
    for (GroupOptions& options : groups) {
      options.push_back({1000, 0});
      for (int i = 0; i < 4; ++i) options.push_back({bytes(random), damage(random)});
    }
    const double most = damage(random);
    EXPECT_LE(DamageOf(groups, LeastBytes(groups, most)), most);
    const int64_t least =
        BytesOf(groups, LeastBytes(groups, std::numeric_limits<double>::infinity()));
    const int64_t size = least + bytes(random);
    EXPECT_LE(BytesOf(groups, LeastDamage(groups, size)), size);
  }
}

}  // namespace
}  // namespace lluda::engine
