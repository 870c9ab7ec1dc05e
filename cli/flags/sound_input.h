// A sound that the user named.
//
//   absl::StatusOr<std::vector<float>> samples = ReadSoundInput("-");   // stdin
#ifndef LLUDA_CLI_FLAGS_SOUND_INPUT_H_
#define LLUDA_CLI_FLAGS_SOUND_INPUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lluda::cli {

// A file's samples, as media/sound_file.h has them; "-" is stdin, which errors call so. Errors of
// base::ReadInput and media::ReadSoundFile.
absl::StatusOr<std::vector<float>> ReadSoundInput(const std::string& file);

}  // namespace lluda::cli

#endif  // LLUDA_CLI_FLAGS_SOUND_INPUT_H_
