// What a sound is here: samples of 16 kHz, one channel, f32 in -1..1.
//
//   samples.size() / kSampleRate   // seconds
#ifndef LLUDA_MEDIA_SOUND_H_
#define LLUDA_MEDIA_SOUND_H_

namespace lluda::media {

inline constexpr int kSampleRate = 16000;  // Hz

struct SoundLimits {
  int seconds = 4 * 60 * 60;  // of a file; held are 16000 floats of each, 0.9 GB of four hours
};

}  // namespace lluda::media

#endif  // LLUDA_MEDIA_SOUND_H_
