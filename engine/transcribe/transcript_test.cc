#include "engine/transcribe/transcript.h"

#include <gtest/gtest.h>

namespace lluda::engine {
namespace {

TranscribedPiece Piece(const char* language, const char* text) {
  TranscribedPiece piece;
  piece.language = language;
  piece.text = text;
  return piece;
}

TEST(Transcript, PiecesAreLinesAndLanguagesComeOnce) {
  const Transcript transcript = {{Piece("English", "Hello."), Piece("", ""),
                                  Piece("German", "Guten Tag."), Piece("English", "Bye.")},
                                 false};
  EXPECT_EQ(transcript.Text(), "Hello.\nGuten Tag.\nBye.");
  EXPECT_EQ(transcript.Language(), "English,German");
}

TEST(Transcript, OfASilentSoundIsEmpty) {
  const Transcript transcript = {{Piece("", "")}, false};
  EXPECT_EQ(transcript.Text(), "");
  EXPECT_EQ(transcript.Language(), "");
}

}  // namespace
}  // namespace lluda::engine
