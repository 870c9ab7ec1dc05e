#include "tools/eval/windows.h"

#include <vector>

#include "gtest/gtest.h"

namespace lluda::tools {
namespace {

// How often each token of a text counts.
std::vector<int> Counts(int64_t tokens, int64_t window, int64_t stride, bool has_front) {
  std::vector<int> counts(tokens, 0);
  for (const Window& cut : CutWindows(tokens, window, stride, has_front)) {
    EXPECT_LE(cut.end - cut.begin, window);
    EXPECT_LT(cut.counted, cut.end);
    for (int64_t i = cut.counted; i < cut.end; ++i) ++counts[i];
  }
  return counts;
}

TEST(CutWindowsTest, EveryTokenButTheFirstCountsOnce) {
  for (const int64_t window : {2, 7, 8}) {
    for (int64_t stride = 1; stride < window; ++stride) {
      for (int64_t tokens = 2; tokens < 40; ++tokens) {
        std::vector<int> once(tokens, 1);
        EXPECT_EQ(Counts(tokens, window, stride, true), once);
        once[0] = 0;
        EXPECT_EQ(Counts(tokens, window, stride, false), once) << tokens << " " << window;
      }
    }
  }
}

TEST(CutWindowsTest, BehindTheFirstWindowATokenHasWhatTheStrideLeavesBeforeIt) {
  for (const Window& window : CutWindows(100, 16, 5, false)) {
    if (window.begin == 0) continue;
    EXPECT_GE(window.counted - window.begin, 16 - 5);
  }
}

TEST(CutWindowsTest, ATextThatFitsIsOneWindow) {
  for (const int64_t tokens : {2, 8}) {
    const std::vector<Window> windows = CutWindows(tokens, 8, 4, false);
    ASSERT_EQ(windows.size(), 1u);
    EXPECT_EQ(windows[0].end, tokens);
  }
  // One more token needs a second one, in which it alone counts.
  const std::vector<Window> windows = CutWindows(9, 8, 4, false);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].begin, 4);
  EXPECT_EQ(windows[1].counted, 8);
  EXPECT_EQ(windows[1].end, 9);
}

TEST(CutWindowsTest, OfDisjointWindowsTheFirstTokenIsNotPredicted) {
  EXPECT_EQ(Counts(9, 4, 4, false), (std::vector<int>{0, 1, 1, 1, 0, 1, 1, 1, 0}));
  EXPECT_EQ(CutWindows(9, 4, 4, false).size(), 2u);  // the third has no token that counts
  EXPECT_EQ(Counts(9, 4, 4, true), std::vector<int>(9, 1));
}

TEST(CutWindowsTest, ASingleTokenHasNothingToPredict) {
  EXPECT_TRUE(CutWindows(1, 8, 4, false).empty());
  EXPECT_TRUE(CutWindows(0, 8, 4, true).empty());
  EXPECT_EQ(CutWindows(1, 8, 4, true).size(), 1u);
}

}  // namespace
}  // namespace lluda::tools
