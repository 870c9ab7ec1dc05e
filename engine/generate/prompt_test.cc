#include "engine/generate/prompt.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int32_t kPad = 9;

// Rows of two numbers.
std::shared_ptr<const MediaRows> Rows(std::string identity, int64_t count) {
  auto rows = std::make_shared<MediaRows>();
  rows->width = 2;
  rows->values.resize(static_cast<size_t>(2 * count));
  for (size_t i = 0; i < rows->values.size(); ++i) rows->values[i] = static_cast<float>(i);
  rows->identity = std::move(identity);
  return rows;
}

TEST(PlaceMedia, RepeatsEachPlaceForItsRows) {
  const auto prompt = PlaceMedia({1, kPad, 2, kPad}, kPad, {Rows("a", 3), Rows("b", 1)});
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  EXPECT_THAT(prompt->tokens, ElementsAre(1, kPad, kPad, kPad, 2, kPad));
  ASSERT_EQ(prompt->media.size(), 2u);
  EXPECT_EQ(prompt->media[0].first, 1);
  EXPECT_EQ(prompt->media[1].first, 5);
}

TEST(PlaceMedia, RefusesAnotherNumberOfPlacesThanOfMedia) {
  const auto prompt = PlaceMedia({1, kPad}, kPad, {});
  EXPECT_EQ(prompt.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(prompt.status().message(), "the prompt has 1 places for media, 0 are given");
}

TEST(CheckMedia, SaysWhatIsWrong) {
  const PlacedMedia placed[] = {{1, Rows("a", 3)}, {5, Rows("b", 1)}};
  EXPECT_TRUE(CheckMedia(placed, 6, 2).ok());
  EXPECT_THAT(std::string(CheckMedia(placed, 6, 0).message()), HasSubstr("tokens only"));
  EXPECT_THAT(std::string(CheckMedia(placed, 6, 4).message()), HasSubstr("another width"));
  EXPECT_THAT(std::string(CheckMedia(placed, 5, 2).message()), HasSubstr("one of 4..4"));
  const PlacedMedia overlapping[] = {{1, Rows("a", 3)}, {3, Rows("b", 1)}};
  EXPECT_THAT(std::string(CheckMedia(overlapping, 6, 2).message()), HasSubstr("begin at token 3"));
}

TEST(RowOfEachToken, IsNullWhereATokenHasItsOwnEmbedding) {
  const auto rows = Rows("a", 2);
  const PlacedMedia placed[] = {{1, rows}};
  EXPECT_THAT(RowOfEachToken(placed, 4),
              ElementsAre(nullptr, rows->values.data(), rows->values.data() + 2, nullptr));
  EXPECT_THAT(RowOfEachToken(placed, 2), ElementsAre(nullptr, rows->values.data()));
  EXPECT_TRUE(RowOfEachToken({}, 4).empty());
}

TEST(MarksOf, EndWhereTheFirstOtherMediumBegins) {
  const std::vector<PlacedMedia> a = {{1, Rows("a", 3)}, {5, Rows("b", 2)}};
  const std::vector<PlacedMedia> same = {{1, Rows("a", 3)}, {5, Rows("b", 2)}};
  const std::vector<PlacedMedia> other = {{1, Rows("a", 3)}, {5, Rows("c", 2)}};
  EXPECT_EQ(SharedWithMedia(MarksOf(a), MarksOf(same), 8), 8);
  EXPECT_EQ(SharedWithMedia(MarksOf(a), MarksOf(other), 8), 5);
  EXPECT_EQ(SharedWithMedia(MarksOf(a), MarksOf(other), 3), 3);
  EXPECT_EQ(SharedWithMedia(MarksOf(a), {}, 8), 1);
  EXPECT_EQ(SharedWithMedia({}, {}, 8), 8);
}

}  // namespace
}  // namespace lluda::engine
