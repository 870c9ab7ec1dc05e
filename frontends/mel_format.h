// Whether a model hears sounds as lluda makes them: the log-mel features of media/log_mel.h. A folder
// says how its model was fed in preprocessor_config.json, or as `feature_extractor` of
// processor_config.json.
//
//   RETURN_IF_ERROR(CheckMelFormat("/models/Qwen3-ASR-0.6B", tower.mel_bins));
//   // .../preprocessor_config.json: field 'hop_length' asks for 320, which is not supported
#ifndef LLUDA_FRONTENDS_MEL_FORMAT_H_
#define LLUDA_FRONTENDS_MEL_FORMAT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace lluda::frontends {

// `mel_bins` is what the encoder takes of each frame. Unimplemented for features that are made
// otherwise; InvalidArgument for another number of bins, and for a file that is none. OK where neither
// file is there: transformers' defaults are these features.
absl::Status CheckMelFormat(const std::string& folder, int64_t mel_bins);

}  // namespace lluda::frontends

#endif  // LLUDA_FRONTENDS_MEL_FORMAT_H_
