// The frequencies of rotary embedding where they are not theta^(-2i / dim), in the steps and the
// precision (f32) in which transformers computes them.
//
// Example: of Llama 3.2
//   Llama3Frequencies(500000, 64, {32, 1, 4, 8192})  // 1, 0.6636, ...; slow ones 32 times slower
#ifndef LLUDA_FRONTENDS_FAMILIES_ROPE_H_
#define LLUDA_FRONTENDS_FAMILIES_ROPE_H_

#include <cstdint>
#include <vector>

namespace lluda::frontends::families {

// All of them divided by the factor. One for each pair of `dim`, as below.
std::vector<float> LinearFrequencies(double theta, int64_t dim, double factor);

// Waves longer than original_context / low_frequency are stretched by the factor, those shorter
// than original_context / high_frequency are not, and in between it goes over smoothly.
struct Llama3Stretch {
  double factor;
  double low_frequency;
  double high_frequency;  // more than low_frequency
  double original_context;
};
std::vector<float> Llama3Frequencies(double theta, int64_t dim, const Llama3Stretch& stretch);

// YaRN (Peng et al. 2023): waves that turn more than fast_turns times in the original context stay,
// those that turn less than slow_turns times are divided by the factor, and in between pairs go over
// linearly. `whole_pairs` rounds where that begins and ends to whole pairs.
struct YarnStretch {
  double factor;
  double original_context;
  double fast_turns = 32;
  double slow_turns = 1;
  bool whole_pairs = true;
};
std::vector<float> YarnFrequencies(double theta, int64_t dim, const YarnStretch& stretch);

// LongRoPE (Ding et al. 2024): each pair's frequency is divided by a factor of its own.
std::vector<float> LongRopeFrequencies(double theta, int64_t dim,
                                       const std::vector<float>& factors);

}  // namespace lluda::frontends::families

#endif  // LLUDA_FRONTENDS_FAMILIES_ROPE_H_
