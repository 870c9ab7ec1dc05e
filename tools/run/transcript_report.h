// What `lluda transcribe` says of what it heard.
//
//   TranscriptsJson({{"talk.wav", 12.5, 1.5, transcript}});
//   // {"schema": "lluda.transcribe/1", "files": [{"file": "talk.wav", ...
#ifndef LLUDA_TOOLS_RUN_TRANSCRIPT_REPORT_H_
#define LLUDA_TOOLS_RUN_TRANSCRIPT_REPORT_H_

#include <string>
#include <vector>

#include "engine/transcribe/transcript.h"

namespace lluda::tools {

struct TranscribedFile {
  std::string file;            // as the user named it
  double seconds = 0;          // of sound
  double compute_seconds = 0;  // that its transcription took
  engine::Transcript transcript;
};

// One document, ended by a newline.
std::string TranscriptsJson(const std::vector<TranscribedFile>& files);

// Lines that say where a text ends before its sound does, and why: a piece has a text longer than
// anybody speaks, or its context is full. Without "FILE: ".
std::vector<std::string> UnfinishedPieces(const engine::Transcript& transcript);

}  // namespace lluda::tools

#endif  // LLUDA_TOOLS_RUN_TRANSCRIPT_REPORT_H_
