#include "frontends/families/rope.h"

#include <algorithm>
#include <cmath>

namespace lluda::frontends::families {
namespace {

// theta^(2i / dim) of each pair i.
std::vector<float> Wavelengths(double theta, int64_t dim) {
  std::vector<float> waves;
  for (int64_t i = 0; i < dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dim);
    // The nearest f32 to the power of two f32.
    const double wave = std::pow(static_cast<float>(theta), static_cast<double>(exponent));
    waves.push_back(static_cast<float>(wave));
  }
  return waves;
}

std::vector<float> UnscaledFrequencies(double theta, int64_t dim) {
  std::vector<float> frequencies = Wavelengths(theta, dim);
  for (float& frequency : frequencies) frequency = 1.0f / frequency;
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

std::vector<float> YarnFrequencies(double theta, int64_t dim, const YarnStretch& stretch) {
  // The pair, as a fraction, that turns so many times in the original context.
  const auto pair_of = [&](double turns) {
    return static_cast<double>(dim) * std::log(stretch.original_context / (turns * 2 * M_PI)) /
           (2 * std::log(theta));
  };
  double first = pair_of(stretch.fast_turns);
  double last = pair_of(stretch.slow_turns);
  if (stretch.whole_pairs) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, static_cast<double>(dim - 1));
  if (first == last) last += 0.001;
  std::vector<float> frequencies = Wavelengths(theta, dim);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float wave = frequencies[i];
    const float along =
        (static_cast<float>(i) - static_cast<float>(first)) / static_cast<float>(last - first);
    const float kept = 1.0f - std::clamp(along, 0.0f, 1.0f);
    const float divided = 1.0f / (static_cast<float>(stretch.factor) * wave);
    frequencies[i] = divided * (1.0f - kept) + 1.0f / wave * kept;
  }
  return frequencies;
}

std::vector<float> LongRopeFrequencies(double theta, int64_t dim,
                                       const std::vector<float>& factors) {
  std::vector<float> frequencies = Wavelengths(theta, dim);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = 1.0f / (factors[i] * frequencies[i]);
  }
  return frequencies;
}

}  // namespace lluda::frontends::families
