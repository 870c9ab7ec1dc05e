// Sounds transcribed with a loaded model, as the flags of `lluda transcribe` ask.
//
//   ASSIGN_OR_RETURN(const Hearing hearing, PrepareHearing(flags, ReadSoundInput));
//   ASSIGN_OR_RETURN(auto model, ...);
//   return TranscribeSounds("lluda", model.get(), flags, hearing);
#ifndef LLUDA_CLI_FLAGS_TRANSCRIPTION_H_
#define LLUDA_CLI_FLAGS_TRANSCRIPTION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/flags/arguments.h"
#include "engine/model.h"
#include "engine/transcribe/asr_prompt.h"

namespace lluda::cli {

// Gives a file's samples, of 16 kHz; "-" is stdin.
using SoundReader = std::function<absl::StatusOr<std::vector<float>>(const std::string& file)>;

struct Sound {
  std::string file;  // as errors and lines call it
  std::vector<float> samples;
};

// What is heard, and what is asked of it.
struct Hearing {
  engine::AsrQuestion question;
  std::vector<Sound> sounds;
};

// Reads all of the sounds, so that a wrong one is told before a model is loaded. Errors of the reader
// and of engine::LanguageName; InvalidArgument for more than four hours together, which are held at
// once.
absl::StatusOr<Hearing> PrepareHearing(const TranscribeFlags& flags, const SoundReader& read);

// Writes what comes to stdout as it comes, or one JSON document; the exit code. That each sound has
// room in the context is checked before the first is heard. If one fails later, the document has
// those before it. `program` is the name that notices on stderr start with.
absl::StatusOr<int> TranscribeSounds(const char* program, engine::Model* model,
                                     const TranscribeFlags& flags, const Hearing& hearing);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_TRANSCRIPTION_H_
