#include "media/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "frontends/checkpoint/safetensors.h"
#include "media/sound_file.h"
#include "media/test_sounds.h"

namespace lluda::media {
namespace {

constexpr char kSounds[] = "reference_data/sounds/";

// What transformers computes of a sound: [128][frames].
std::vector<float> Reference(const std::string& name) {
  const auto file = frontends::SafetensorsFile::Open(std::string(kSounds) + "log_mel.safetensors");
  EXPECT_TRUE(file.ok()) << file.status();
  const auto tensor = file->Get(name);
  EXPECT_TRUE(tensor.ok()) << tensor.status();
  const auto* values = reinterpret_cast<const float*>((*tensor)->data);
  return {values, values + (*tensor)->bytes / sizeof(float)};
}

// Mean of the squares of the differences, and the largest difference.
std::pair<double, double> Errors(const std::vector<float>& ours, const std::vector<float>& theirs) {
  double squares = 0, largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(ours[i]) - theirs[i]);
    squares += difference * difference;
    largest = std::max(largest, difference);
  }
  return {squares / ours.size(), largest};
}

TEST(LogMel, IsWhatTransformersComputes) {
  const auto samples = ReadSoundFile(std::string(kSounds) + "audio0.wav", {});
  ASSERT_TRUE(samples.ok()) << samples.status();
  const auto mel = LogMelOf(*samples, kMelBins);
  ASSERT_TRUE(mel.ok()) << mel.status();
  const std::vector<float> reference = Reference("audio0");
  EXPECT_EQ(mel->frames, 130);
  ASSERT_EQ(mel->values.size(), reference.size());
  const auto [mean_square, largest] = Errors(mel->values, reference);
  EXPECT_LT(largest, 1e-4);
  EXPECT_LT(mean_square, 1e-12);
}

TEST(LogMel, OfASoundThatWasFilledUpWithZerosIsWhatTransformersComputes) {
  auto samples = ReadSoundFile(std::string(kSounds) + "audio3.wav", {});
  ASSERT_TRUE(samples.ok()) << samples.status();
  samples->resize(8000);
  const auto mel = LogMelOf(*samples, kMelBins);
  ASSERT_TRUE(mel.ok()) << mel.status();
  const std::vector<float> reference = Reference("audio3");
  EXPECT_EQ(mel->frames, 50);
  ASSERT_EQ(mel->values.size(), reference.size());
  const auto [mean_square, largest] = Errors(mel->values, reference);
  EXPECT_LT(largest, 1e-4);
  EXPECT_LT(mean_square, 1e-12);
}

TEST(LogMel, SilenceIsTheLowestValueEverywhere) {
  const auto mel = LogMelOf(std::vector<float>(16000, 0), kMelBins);
  EXPECT_EQ(mel->frames, 100);
  // log10(1e-10) = -10; (-10 + 4) / 4 = -1.5.
  for (const float value : mel->values) ASSERT_EQ(value, -1.5f);
}

TEST(LogMel, AToneIsLoudestInTheBinOfItsFrequency) {
  const auto mel = LogMelOf(Tone(1000, kSampleRate, 1), kMelBins);
  const auto at = [&](int bin) { return mel->values[static_cast<size_t>(bin) * 100 + 50]; };
  int loudest = 0;
  for (int bin = 0; bin < kMelBins; ++bin) {
    if (at(bin) > at(loudest)) loudest = bin;
  }
  // 8000 Hz are 45.25 mels, 1000 Hz are 15: 129 steps of 0.3508, of which bin m has its top at m + 1.
  EXPECT_EQ(loudest, 42);
}

TEST(LogMel, TheQuietestIsEightBelowTheLargest) {
  const auto mel = LogMelOf(Tone(1000, kSampleRate, 1), kMelBins);
  const auto [lowest, highest] = std::minmax_element(mel->values.begin(), mel->values.end());
  EXPECT_FLOAT_EQ(*highest - *lowest, 2);  // 8 / 4
}

TEST(LogMel, AFrameDoesNotDependOnHowManyFollow) {
  // Both sounds have the same loudest frame, the first.
  std::vector<float> samples = Tone(300, kSampleRate, 1, 0.1);
  for (size_t i = 0; i < 1600; ++i) samples[i] *= 9;
  const auto whole = LogMelOf(samples, kMelBins);
  for (const size_t frames : {41u, 42u, 43u, 44u}) {
    const auto part = LogMelOf(absl::MakeConstSpan(samples).first(frames * kFrameStep), kMelBins);
    for (int bin = 0; bin < kMelBins; ++bin) {
      for (size_t frame = 0; frame + 2 < frames; ++frame) {
        ASSERT_EQ(part->values[bin * frames + frame], whole->values[bin * 100 + frame]);
      }
    }
  }
}

// Neighbouring bins of 80 are wider apart, and each triangle's area is 1 all the same.
TEST(LogMel, FewerBinsHearTheSameFrequencies) {
  constexpr int kFew = 80;
  const auto mel = LogMelOf(Tone(1000, kSampleRate, 1), kFew);
  ASSERT_TRUE(mel.ok()) << mel.status();
  ASSERT_EQ(mel->values.size(), static_cast<size_t>(kFew * mel->frames));
  int loudest = 0;
  const auto at = [&](int bin) { return mel->values[static_cast<size_t>(bin * mel->frames + 50)]; };
  for (int bin = 0; bin < kFew; ++bin) {
    if (at(bin) > at(loudest)) loudest = bin;
  }
  // 1000 Hz is mel 15 of 45.2 at 8000 Hz, in steps of 45.2 / 81; bin 0 is one step above 0 Hz.
  EXPECT_EQ(loudest, 26);
}

TEST(LogMel, ASoundOfHalfAWindowIsTooShort) {
  EXPECT_EQ(LogMelOf(std::vector<float>(201, 0.1f), kMelBins)->frames, 1);
  EXPECT_EQ(LogMelOf(std::vector<float>(200, 0.1f), kMelBins).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace lluda::media
