#include "frontends/families/rope.h"

#include <cmath>

namespace lluda::frontends::families {
namespace {

std::vector<float> UnscaledFrequencies(double theta, int64_t dim) {
  std::vector<float> frequencies;
  for (int64_t i = 0; i < dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dim);
    // The nearest f32 to the power of two f32.
    const double wave = std::pow(static_cast<float>(theta), static_cast<double>(exponent));
    frequencies.push_back(1.0f / static_cast<float>(wave));
  }
  return frequencies;
}

}  // namespace

std::vector<float> LinearFrequencies(double theta, int64_t dim, double factor) {
  std::vector<float> frequencies = UnscaledFrequencies(theta, dim);
  for (float& frequency : frequencies) frequency /= static_cast<float>(factor);
  return frequencies;
}

std::vector<float> Llama3Frequencies(double theta, int64_t dim, const Llama3Stretch& stretch) {
  const auto factor = static_cast<float>(stretch.factor);
  const auto original = static_cast<float>(stretch.original_context);
  const auto longest = static_cast<float>(stretch.original_context / stretch.low_frequency);
  const auto shortest = static_cast<float>(stretch.original_context / stretch.high_frequency);
  const auto low = static_cast<float>(stretch.low_frequency);
  const auto width = static_cast<float>(stretch.high_frequency - stretch.low_frequency);
  std::vector<float> frequencies = UnscaledFrequencies(theta, dim);
  for (float& frequency : frequencies) {
    const float wave = static_cast<float>(2 * M_PI) / frequency;
    if (wave < shortest) continue;
    if (wave > longest) {
      frequency /= factor;
      continue;
    }
    const float smooth = (original / wave - low) / width;
    frequency = (1.0f - smooth) * frequency / factor + smooth * frequency;
  }
  return frequencies;
}

}  // namespace lluda::frontends::families
