#include "media/pieces.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "media/sound.h"
#include "media/test_sounds.h"

namespace lluda::media {
namespace {

constexpr size_t kSecond = kSampleRate;

// A tone with silence from one time to another, in seconds.
std::vector<float> ToneWithPause(double seconds, double begin, double end) {
  std::vector<float> samples = Tone(200, kSampleRate, seconds);
  std::fill(samples.begin() + static_cast<ptrdiff_t>(begin * kSampleRate),
            samples.begin() + static_cast<ptrdiff_t>(end * kSampleRate), 0.0f);
  return samples;
}

TEST(Pieces, ASoundThatFitsIsOnePiece) {
  const std::vector<Piece> pieces = CutIntoPieces(Tone(200, kSampleRate, 20), 20);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].begin, 0u);
  EXPECT_EQ(pieces[0].end, 20 * kSecond);
}

TEST(Pieces, NoSoundIsNoPiece) { EXPECT_TRUE(CutIntoPieces({}, 20).empty()); }

TEST(Pieces, TheCutIsInTheMiddleOfThePause) {
  const std::vector<Piece> pieces = CutIntoPieces(ToneWithPause(50, 33, 33.1), 40);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_NEAR(pieces[0].end, 33.05 * kSecond, 0.006 * kSecond);
  EXPECT_EQ(pieces[1].begin, pieces[0].end);
  EXPECT_EQ(pieces[1].end, 50 * kSecond);
}

TEST(Pieces, APauseTooEarlyForALongPieceIsNotTaken) {
  const std::vector<Piece> pieces = CutIntoPieces(ToneWithPause(50, 20, 25), 40);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_GE(pieces[0].end, 30 * kSecond);
  EXPECT_LE(pieces[0].end, 40 * kSecond);
}

TEST(Pieces, WithoutAnySoundPiecesAreAsLongAsTheyMayBe) {
  const std::vector<Piece> pieces = CutIntoPieces(std::vector<float>(100 * kSecond, 0), 40);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_NEAR(pieces[0].end, 40 * kSecond, 0.06 * kSecond);
}

TEST(Pieces, FollowEachOtherAndNoneIsTooLong) {
  std::vector<float> samples = Tone(3, kSampleRate, 333);
  const std::vector<Piece> pieces = CutIntoPieces(samples, 25);
  size_t end = 0;
  for (const Piece& piece : pieces) {
    EXPECT_EQ(piece.begin, end);
    EXPECT_LE(piece.size(), 25 * kSecond);
    end = piece.end;
  }
  EXPECT_EQ(end, samples.size());
}

}  // namespace
}  // namespace lluda::media
