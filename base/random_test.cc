#include "base/random.h"

#include "gtest/gtest.h"

namespace lluda::base {
namespace {

TEST(SplitMix64Test, GivesThePublishedSequence) {
  // First outputs for seed 1234567, from the test vector on rosettacode.org, "Splitmix64".
  SplitMix64 random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
  EXPECT_EQ(random.Next(), 4593380528125082431u);
  EXPECT_EQ(random.Next(), 16408922859458223821u);
}

TEST(SplitMix64Test, UnitNumbersStayBelowOne) {
  SplitMix64 random(1);
  double sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double u = random.NextUnit();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

}  // namespace
}  // namespace lluda::base
