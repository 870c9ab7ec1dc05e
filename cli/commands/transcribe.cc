// lluda transcribe: speech to text.
#include <memory>

#include "base/status_macros.h"
#include "cli/commands/commands.h"
#include "cli/flags/model_flags.h"
#include "cli/flags/sound_input.h"
#include "cli/flags/transcription.h"

namespace lluda::cli {

absl::StatusOr<int> Run(const TranscribeFlags& flags) {
  ASSIGN_OR_RETURN(const Hearing hearing, PrepareHearing(flags, ReadSoundInput));
  ASSIGN_OR_RETURN(const std::unique_ptr<engine::Model> model, LoadModel(flags.model, true));
  return TranscribeSounds("lluda", model.get(), flags, hearing);
}

}  // namespace lluda::cli
