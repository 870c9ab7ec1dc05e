// Sound files read by a program beside this one, for a process that cannot have the libraries which
// know the formats: a static one, such as lluda-run.
//
//   absl::StatusOr<std::vector<float>> sound = ReadSoundWith(program, "talk.mp3", {});
//   if (!sound.ok()) return sound.status();   // "talk.mp3: is empty"
//
// The program is called as PROGRAM FILE. It writes the file's samples to its stdout as they lie in
// memory, and ends with 0; or one line to stderr, "NAME: REASON", and ends with 2 if it is the file
// that is no good. So the samples are those of media/sound_file.h, to the bit, and what is wrong with
// a hostile file happens to another process.
#ifndef LLUDA_MEDIA_SOUND_PROGRAM_H_
#define LLUDA_MEDIA_SOUND_PROGRAM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "media/sound.h"

namespace lluda::media {

// The samples that `program` makes of `file`; it reads "-" from this process' stdin. NotFound, naming
// the program, if it is not there; InvalidArgument with its reason if the file is refused, or with
// more samples than `limits`; Unavailable if it could not be started or ended otherwise.
absl::StatusOr<std::vector<float>> ReadSoundWith(const std::string& program,
                                                 const std::string& file,
                                                 const SoundLimits& limits);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SOUND_PROGRAM_H_
