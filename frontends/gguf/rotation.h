// The frequencies of rotary embedding that a GGUF file gives as divisors: rope_freqs.weight.
#ifndef LLUDA_FRONTENDS_GGUF_ROTATION_H_
#define LLUDA_FRONTENDS_GGUF_ROTATION_H_

#include <cstdint>
#include <vector>

namespace lluda::frontends::gguf {

// theta^(-2i / dim) divided by divisor i, for each pair of `dim`. Divisors that Llama 3's stretch
// of the frequencies gives were made from its few numbers and rounded on the way; those numbers
// are found, so that the frequencies are the ones of the model's own config to the bit.
std::vector<float> DividedFrequencies(double theta, int64_t dim,
                                      const std::vector<float>& divisors);

}  // namespace lluda::frontends::gguf

#endif  // LLUDA_FRONTENDS_GGUF_ROTATION_H_
