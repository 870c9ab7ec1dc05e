// Log-mel features of a sound, the numbers that Whisper's relatives hear, as transformers'
// WhisperFeatureExtractor computes them of one sound alone (models/whisper, audio_utils).
//
//   absl::StatusOr<LogMel> mel = LogMelOf(samples, kMelBins);   // of 16 kHz, one channel, -1..1
//   mel->values[5 * mel->frames + 17]                 // of mel 5, frame 17
//
// With x the samples, its borders reflected by 200 samples, and frames of 400 every 160:
//   power[k] = |sum over n of hann[n] x[160 t - 200 + n] exp(-2 pi i k n / 400)|^2, k = 0..200
//   mel[m] = log10(max(sum over k of filter[m][k] power[k], 1e-10)), m = 0..bins - 1
//   value = (max(mel, largest mel of the sound - 8) + 4) / 4
// hann is periodic; the filters are Slaney's triangles over 0..8000 Hz, each of area 1.
#ifndef LLUDA_MEDIA_LOG_MEL_H_
#define LLUDA_MEDIA_LOG_MEL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lluda::media {

inline constexpr int kMelBins = 128;  // of the released models
inline constexpr int kFrameSamples = 400;
inline constexpr int kFrameStep = 160;  // samples: 100 frames a second

struct LogMel {
  int frames = 0;             // floor(samples / 160)
  std::vector<float> values;  // [bins][frames]
};

// With so many bins, at least 1. InvalidArgument for fewer than 201 samples, whose borders cannot be
// reflected. Samples are finite.
absl::StatusOr<LogMel> LogMelOf(absl::Span<const float> samples, int bins);

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_LOG_MEL_H_
