#include "media/resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "media/test_sounds.h"

namespace lluda::media {
namespace {

std::vector<float> Resampled(absl::Span<const float> samples, int from, int to, size_t block) {
  absl::StatusOr<Resampler> resampler = Resampler::Create(from, to);
  EXPECT_TRUE(resampler.ok()) << resampler.status();
  std::vector<float> out;
  for (size_t at = 0; at < samples.size(); at += block) {
    EXPECT_TRUE(resampler->Push(samples.subspan(at, block), &out).ok());
  }
  EXPECT_TRUE(resampler->Finish(&out).ok());
  return out;
}

TEST(Resampler, AToneStaysTheToneAtAnotherRate) {
  const std::vector<float> wanted = Tone(1000, 16000, 1);
  const std::vector<float> out = Resampled(Tone(1000, 44100, 1), 44100, 16000, 1000);
  ASSERT_EQ(out.size(), wanted.size());
  for (size_t i = 800; i < out.size() - 800; ++i) ASSERT_NEAR(out[i], wanted[i], 2e-5) << i;
}

TEST(Resampler, WhatTheNewRateCannotHoldIsTakenOut) {
  const std::vector<float> out = Resampled(Tone(9000, 44100, 1), 44100, 16000, 1000);
  for (size_t i = 800; i < out.size() - 800; ++i) ASSERT_NEAR(out[i], 0, 1e-4) << i;
}

TEST(Resampler, BlocksDoNotChangeASample) {
  const std::vector<float> tone = Tone(700, 8000, 0.5);
  const std::vector<float> whole = Resampled(tone, 8000, 16000, tone.size());
  EXPECT_EQ(Resampled(tone, 8000, 16000, 1), whole);
  EXPECT_EQ(Resampled(tone, 8000, 16000, 333), whole);
}

TEST(Resampler, AsManySamplesComeAsTheRatesSay) {
  for (const size_t samples : {1u, 2u, 3u, 100u, 44101u}) {
    const std::vector<float> out =
        Resampled(std::vector<float>(samples, 0.25f), 44100, 16000, 4096);
    EXPECT_EQ(out.size(), (samples * 16000 + 44099) / 44100) << samples;
  }
}

TEST(Resampler, TheSameRateIsACopy) {
  const std::vector<float> tone = Tone(700, 16000, 0.1);
  EXPECT_EQ(Resampled(tone, 16000, 16000, 50), tone);
}

}  // namespace
}  // namespace lluda::media
