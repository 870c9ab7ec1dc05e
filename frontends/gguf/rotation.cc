#include "frontends/gguf/rotation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "frontends/families/rope.h"

namespace lluda::frontends::gguf {
namespace {

// All models with this stretch have them.
constexpr double kLowFrequency = 1;
constexpr double kHighFrequency = 4;
// The context that a model was trained for at first is a power of two between these.
constexpr double kLeastContext = 1 << 5;
constexpr double kMostContext = 1 << 20;
// Two ways to one frequency differ by some roundings; two contexts by far more.
constexpr float kTolerance = 8 * std::numeric_limits<float>::epsilon();

bool AreNear(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return std::abs(x - y) <= kTolerance * std::abs(x); });
}

}  // namespace

std::vector<float> DividedFrequencies(double theta, int64_t dim,
                                      const std::vector<float>& divisors) {
  std::vector<float> frequencies = families::LinearFrequencies(theta, dim, 1);
  for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= divisors[i];
  const double factor = *std::max_element(divisors.begin(), divisors.end());
  for (double context = kLeastContext; context <= kMostContext; context *= 2) {
    std::vector<float> stretched =
        families::Llama3Frequencies(theta, dim, {factor, kLowFrequency, kHighFrequency, context});
    if (AreNear(stretched, frequencies)) return stretched;
  }
  return frequencies;
}

}  // namespace lluda::frontends::gguf
