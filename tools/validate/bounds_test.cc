#include "tools/validate/bounds.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <random>

namespace lluda::tools {
namespace {

using engine::Precision;

TEST(BoundsTest, ACacheAndActivationsOfInt8MayAddAsMuchToEach) {
  const CoarseNumbers cache{engine::KvCache::kInt8},
      both{engine::KvCache::kInt8, engine::Activations::kInt8};
  for (const Precision precision : {Precision::kBF16, Precision::kF32}) {
    for (const std::optional<double> hf : {std::optional<double>(), std::optional<double>(3e-5)}) {
      EXPECT_DOUBLE_EQ(LogitsBound(precision, hf, cache),
                       LogitsBound(precision, hf) + kInt8CacheNmse);
      EXPECT_DOUBLE_EQ(ActivationBound(precision, hf, cache),
                       ActivationBound(precision, hf) + kInt8CacheNmse);
      EXPECT_DOUBLE_EQ(LogitsBound(precision, hf, both),
                       LogitsBound(precision, hf) + kInt8CacheNmse + kInt8ActivationsNmse);
    }
  }
}

TEST(BoundsTest, LogitsAreWithinHalfOfTransformersErrorAndTheFixedBound) {
  EXPECT_DOUBLE_EQ(LogitsBound(Precision::kBF16, 2e-5), 1e-5);
  EXPECT_DOUBLE_EQ(LogitsBound(Precision::kBF16, 1e-3), 1.2e-4);
  EXPECT_DOUBLE_EQ(LogitsBound(Precision::kBF16, std::nullopt), 1.2e-4);
}

TEST(BoundsTest, ActivationsAreWithinHalfOfTransformersErrorWhateverItIs) {
  EXPECT_DOUBLE_EQ(ActivationBound(Precision::kBF16, 2e-5), 1e-5);
  EXPECT_DOUBLE_EQ(ActivationBound(Precision::kBF16, 1e-3), 5e-4);
  EXPECT_DOUBLE_EQ(ActivationBound(Precision::kBF16, std::nullopt), 1.2e-4);
}

TEST(BoundsTest, F32HasOneBound) {
  EXPECT_DOUBLE_EQ(LogitsBound(Precision::kF32, 2e-5), 1e-9);
  EXPECT_DOUBLE_EQ(ActivationBound(Precision::kF32, 2e-5), 1e-9);
  EXPECT_DOUBLE_EQ(ActivationBound(Precision::kF32, std::nullopt), 1e-9);
}

// The nearest bf16, by adding half a unit of the 16 bits that are cut off.
float RoundToBf16(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = (bits + 0x8000u) & 0xffff0000u;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

TEST(BoundsTest, NoActivationHasToBeNearerThanTwoRoundingsToBf16) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(1.0f, 2.0f);
  double error = 0, norm = 0;
  for (int i = 0; i < 100000; ++i) {
    const double value = uniform(random);
    const double off = RoundToBf16(static_cast<float>(value)) - value;
    error += off * off;
    norm += value * value;
  }
  const double two_roundings = 2 * error / norm;
  EXPECT_NEAR(ActivationBound(Precision::kBF16, 0.0), two_roundings, 0.02 * two_roundings);
  EXPECT_NEAR(ActivationBound(Precision::kBF16, 1e-6), two_roundings, 0.02 * two_roundings);
}

}  // namespace
}  // namespace lluda::tools
