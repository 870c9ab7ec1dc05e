// What was transcribed of a sound: its pieces, and what they make together.
//
//   transcript.Text();       // "Hello there.\nGuten Tag."
//   transcript.Language();   // "English,German"
#ifndef LLUDA_ENGINE_TRANSCRIBE_TRANSCRIPT_H_
#define LLUDA_ENGINE_TRANSCRIBE_TRANSCRIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/generate/sequence.h"

namespace lluda::engine {

struct TranscribedPiece {
  double begin = 0, end = 0;  // seconds from the sound's beginning
  std::string language;       // as the model or the question has it; empty if nobody speaks
  std::string text;           // empty if nobody speaks
  // kStop; kLength, of a text that is longer than anybody speaks; kContext; or kCancelled.
  FinishReason finish = FinishReason::kStop;
  int64_t prompt_tokens = 0;  // the sound's rows included
  int64_t text_tokens = 0;    // generated, the language's included
};

struct Transcript {
  std::vector<TranscribedPiece> pieces;
  bool cancelled = false;  // there may be less than the whole

  // The pieces' texts, a line each, without those in which nobody speaks.
  std::string Text() const;
  // The pieces' languages, each once, in the order they came.
  std::string Language() const;
};

}  // namespace lluda::engine

#endif  // LLUDA_ENGINE_TRANSCRIBE_TRANSCRIPT_H_
