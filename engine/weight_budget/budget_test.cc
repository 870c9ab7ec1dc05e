#include "engine/weight_budget/budget.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

using testing::HasSubstr;

Budget Parsed(const char* text) {
  absl::StatusOr<Budget> budget = ParseBudget(text);
  EXPECT_TRUE(budget.ok()) << budget.status();
  return budget.value_or(Budget());
}

TEST(BudgetTest, NamesWhatIsLimited) {
  EXPECT_EQ(Parsed("kl=0.01").kind, Budget::Kind::kKl);
  EXPECT_EQ(Parsed("kl=0.01").most, 0.01);
  EXPECT_EQ(Parsed("kl=1e-3").most, 1e-3);
  EXPECT_EQ(Parsed("top1=99%").kind, Budget::Kind::kTop1);
  EXPECT_NEAR(Parsed("top1=99%").most, 0.01, 1e-12);
  EXPECT_EQ(Parsed("top1=100%").most, 0);
  EXPECT_EQ(Parsed("bytes=1000").most, 1000);
  EXPECT_EQ(Parsed("bytes=3k").most, 3 * 1024);
  EXPECT_EQ(Parsed("bytes=500MB").most, 500 << 20);
  EXPECT_EQ(Parsed("bytes=500MiB").most, 500 << 20);
  EXPECT_EQ(Parsed("bytes=1.5G").most, 1.5 * (1 << 30));
}

TEST(BudgetTest, IsMetByMeasures) {
  const MixtureMeasure measure{0.02, 97, 100, 5000};
  EXPECT_TRUE(Parsed("kl=0.02").IsMet(measure));
  EXPECT_FALSE(Parsed("kl=0.019").IsMet(measure));
  EXPECT_TRUE(Parsed("top1=96.9%").IsMet(measure));
  EXPECT_FALSE(Parsed("top1=97.1%").IsMet(measure));
  EXPECT_TRUE(Parsed("bytes=5000").IsMet(measure));
  EXPECT_FALSE(Parsed("bytes=4999").IsMet(measure));
}

TEST(BudgetTest, OthersAreRefusedInOneLine) {
  for (const char* text : {"kl=",       "kl=-1",  "kl=0",      "kl=nan",    "kl=inf",  "kl=0.1x",
                           "kl= 1",     "top1=",  "top1=200%", "top1=99",   "top1=0%", "top1=-1%",
                           "bytes=5Q",  "bytes=", "bytes=0",   "bytes=-5M", "bytes=M", "bytes=1.5",
                           "bytes=1iB", "",       "kl",        "kl:0.1",    "bits=4"}) {
    const absl::Status status = ParseBudget(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("--budget"));
  }
  EXPECT_EQ(
      ParseBudget("top1=200%").status().message(),
      "--budget top1=200%: '200%' is not a share of positions above 0% and at most 100%, as in "
      "top1=99%");
}

}  // namespace
}  // namespace lluda::engine
