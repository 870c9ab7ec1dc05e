#include "engine/service/step_limit.h"

#include <string>

#include "gtest/gtest.h"

namespace lluda::engine {
namespace {

TEST(StepLimit, WeightsAreReadOnceAndEachTextsCachesForIt) {
  StepReads reads;
  reads.weights = 1000;
  reads.caches = {{std::nullopt, 2}, {10, 4}};
  const StepLimit limit(reads, /*rate=*/100);
  EXPECT_DOUBLE_EQ(limit.Seconds({}), 10);
  EXPECT_DOUBLE_EQ(limit.Seconds({5}), 10 + 0.10 + 0.20);
  // A window ends what is read of the second cache.
  EXPECT_DOUBLE_EQ(limit.Seconds({5, 50}), 10 + 0.10 + 0.20 + 1.00 + 0.40);
}

TEST(ReadRate, IsThatOfAMachine) {
  runtime::ThreadPool pool(2);
  const std::string bytes(16 << 20, 'x');
  const double rate = ReadRate(bytes, &pool);
  EXPECT_GT(rate, 1e6);
  EXPECT_LT(rate, 1e14);
}

TEST(ReadRate, OfFewBytesIsNotKnown) {
  runtime::ThreadPool pool(1);
  EXPECT_EQ(ReadRate("few", &pool), 0);
}

}  // namespace
}  // namespace lluda::engine
