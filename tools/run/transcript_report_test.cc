#include "tools/run/transcript_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lluda::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

engine::Transcript TwoPieces() {
  engine::TranscribedPiece first;
  first.end = 200.5;
  first.language = "English";
  first.text = "Hello.";
  first.prompt_tokens = 2623;
  first.text_tokens = 6;
  engine::TranscribedPiece second = first;
  second.begin = 200.5;
  second.end = 4000;
  second.text = "Bye.";
  return {{first, second}, false};
}

TEST(TranscriptReport, ADocumentHasFilesAndTheirPieces) {
  EXPECT_EQ(TranscriptsJson({{"a.wav", 4000, 1.5, TwoPieces()}}),
            "{\"schema\": \"lluda.transcribe/1\", \"files\": [{\"file\": \"a.wav\", "
            "\"seconds\": 4000, \"compute_seconds\": 1.5, \"language\": \"English\", "
            "\"text\": \"Hello.\\nBye.\", \"cancelled\": false, \"pieces\": ["
            "{\"begin\": 0, \"end\": 200.5, \"language\": \"English\", \"text\": \"Hello.\", "
            "\"finish_reason\": \"stop\", \"prompt_tokens\": 2623, \"text_tokens\": 6}, "
            "{\"begin\": 200.5, \"end\": 4000, \"language\": \"English\", \"text\": \"Bye.\", "
            "\"finish_reason\": \"stop\", \"prompt_tokens\": 2623, \"text_tokens\": 6}]}]}\n");
}

TEST(TranscriptReport, PiecesThatEndTooEarlyAreNamed) {
  engine::Transcript transcript = TwoPieces();
  EXPECT_THAT(UnfinishedPieces(transcript), IsEmpty());
  transcript.pieces[0].finish = engine::FinishReason::kContext;
  transcript.pieces[1].finish = engine::FinishReason::kLength;
  EXPECT_THAT(UnfinishedPieces(transcript),
              ElementsAre("the text of 0:00.0 to 3:20.5 ends where the context was full",
                          "the text of 3:20.5 to 1:06:40.0 was cut off after 6 tokens, more than "
                          "anybody speaks"));
}

}  // namespace
}  // namespace lluda::tools
