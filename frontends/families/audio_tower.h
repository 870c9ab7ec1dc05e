// The encoder of sound that a config describes, as in Qwen3-Omni and Qwen3-ASR.
//
// Example: of the config's object `audio_config`.
//   ASSIGN_OR_RETURN(decoder->audio, ReadAudioTower(audio, decoder->hidden_size));
#ifndef LLUDA_FRONTENDS_FAMILIES_AUDIO_TOWER_H_
#define LLUDA_FRONTENDS_FAMILIES_AUDIO_TOWER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/json/json.h"
#include "frontends/encoder/description.h"

namespace lluda::frontends::families {

// `hidden_size` is the text part's, in which the encoder's rows come. A field that is not known is
// refused by name.
absl::StatusOr<encoder::AudioTower> ReadAudioTower(const base::JsonObject& audio,
                                                   int64_t hidden_size);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_AUDIO_TOWER_H_
