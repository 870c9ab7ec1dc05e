#include "engine/transcribe/asr_piece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "media/sound.h"
#include "media/test_sounds.h"

namespace lluda::engine {
namespace {

constexpr size_t kSecond = media::kSampleRate;

TEST(AsrPiece, ASecondOfSoundNeedsTwentyTokensOfContext) {
  EXPECT_EQ(SecondsFor({4096, 32}), 200);
  EXPECT_EQ(SecondsFor({4096, 52}), 199);
  EXPECT_EQ(SecondsFor({100, 100}), 0);
}

TEST(AsrPiece, NoPieceIsLongerThanTwentyMinutes) {
  EXPECT_EQ(SecondsFor({1 << 20, 32}), 20 * 60);
  const auto pieces = AsrPieces(std::vector<float>(21 * 60 * kSecond, 0), {1 << 20, 32});
  ASSERT_EQ(pieces->size(), 2u);
  EXPECT_LE((*pieces)[0].size(), 20 * 60 * kSecond);
}

TEST(AsrPiece, ASoundThatFitsIsOnePieceHoweverSmallTheContext) {
  const auto pieces = AsrPieces(std::vector<float>(2 * kSecond, 0), {136, 32});
  ASSERT_TRUE(pieces.ok()) << pieces.status();
  ASSERT_EQ(pieces->size(), 1u);
  EXPECT_EQ((*pieces)[0].size(), 2 * kSecond);
}

TEST(AsrPiece, ALongSoundInASmallContextIsRefusedWithTheNumbers) {
  const auto pieces = AsrPieces(std::vector<float>(30 * kSecond, 0), {300, 32});
  EXPECT_EQ(pieces.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      pieces.status().message(),
      "the context of 300 tokens, 32 of them the prompt's, has room for 10 s of sound and its "
      "text; a longer sound needs room for 20 s");
}

TEST(AsrPiece, AShortSoundIsFilledUpToHalfASecond) {
  const std::vector<float> sound = media::Tone(440, media::kSampleRate, 0.1);
  std::vector<float> filled = sound;
  filled.resize(kSecond / 2);
  EXPECT_EQ(AsrFeatures(sound, media::kMelBins)->frames, 50);
  EXPECT_EQ(AsrFeatures(sound, media::kMelBins)->values,
            media::LogMelOf(filled, media::kMelBins)->values);
  EXPECT_EQ(AsrFeatures(media::Tone(440, media::kSampleRate, 0.7), media::kMelBins)->frames, 70);
}

TEST(AsrPiece, ATextMayHaveSixteenTokensASecond) {
  EXPECT_EQ(MostTextTokens(10 * kSecond), 64 + 160);
}

}  // namespace
}  // namespace lluda::engine
